import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {AppError, EXIT} from './errors.ts'
import {isJsonObject} from './json.ts'
import type {SettingName} from './pipeline/settings.ts'
import {shellPath} from './shell.ts'
import {codeOf} from './system-error.ts'
import {writeWhole} from './whole-file.ts'

export const CONFIG_FILE = 'cloud-runner.json'

/**
 * Reads a `cloud-runner.json`; its fields are not looked at. `undefined` where there is none.
 * @throws AppError `config-unreadable`, `config-invalid` (exit 2)
 */
export async function readConfigFile(file: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new AppError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'config-unreadable',
      suggestions: [`Check its permissions: ls -l ${shellPath(file)}`],
      cause: error,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new AppError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'config-invalid',
      exitCode: EXIT.usage,
      suggestions: ['The smallest valid file is: {}'],
      cause: error,
    })
  }
  if (!isJsonObject(value)) {
    throw new AppError(`${file} must hold a JSON object.`, {
      code: 'config-invalid',
      exitCode: EXIT.usage,
      suggestions: ['The smallest valid file is: {}'],
    })
  }
  return value
}

/**
 * Writes settings into the folder's `cloud-runner.json`, keeping what is there; written whole or not at all.
 * @returns the file, absolute
 */
export async function saveConfig(
  folder: string,
  changes: Readonly<Partial<Record<SettingName, string | number>>>,
): Promise<string> {
  const file = join(folder, CONFIG_FILE)
  const current = (await readConfigFile(file)) ?? {}
  await writeWhole(file, `${JSON.stringify({...current, ...changes}, undefined, 2)}\n`)
  return file
}
