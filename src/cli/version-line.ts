import {readFileSync} from 'node:fs'
import {join} from 'node:path'

/**
 * What `--version` prints: `cloud-runner/0.1.0 linux-x64 node-v24.21.0`.
 * @param root folder of package.json
 */
export function versionLine(root: string): string {
  const {name, version}: {name: string; version: string} = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`
}
