import {createRequire} from 'node:module'

const {version}: {version: string} = createRequire(import.meta.url)('cloud-runner/package.json')

/** Version of this package; a local cloud must have the same. */
export const packageVersion = version
