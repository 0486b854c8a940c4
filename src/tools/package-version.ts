import {readFileSync} from 'node:fs'
import {fieldsOf} from '../core/json.ts'

/** Version of this package; a local cloud must have the same. */
export const packageVersion = read()

function read(): string {
  const file = new URL(import.meta.resolve('cloud-runner/package.json'))
  const {version} = fieldsOf(JSON.parse(readFileSync(file, 'utf8')))
  if (typeof version !== 'string') throw new Error(`${file.pathname} has no version.`)
  return version
}
