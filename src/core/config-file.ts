import {readFile} from 'node:fs/promises'
import {join, relative, sep} from 'node:path'
import type {TransformFailure} from 'esbuild'
import {AppError, EXIT} from './errors.ts'
import {isJsonObject} from './json.ts'
import type {SettingName} from './settings/settings.ts'
import {ENVIRONMENTS, ownPipeline, PIPELINES, splitConfig, type Place} from './config-sections.ts'
import {shellPath} from './shell.ts'
import {codeOf, messageOf} from './system-error.ts'
import {writeWhole} from './whole-file.ts'

export const CONFIG_FILE = 'cloud-runner.json'

/**
 * Reads a `cloud-runner.json` without checking its fields. `undefined` if it does not exist.
 * @throws AppError `config-unreadable`, `config-invalid` (exit 2)
 */
export async function readConfigFile(file: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new AppError(`${file} cannot be read: ${messageOf(error)}`, {
      code: 'config-unreadable',
      suggestions: [`Check its permissions: ls -l ${shellPath(file)}`],
      cause: error,
    })
  }
  // Editors on Windows put a byte order mark before the text.
  const json = text.replace(/^\uFEFF/, '')
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new AppError(await describeFault(file, json, error), {
      code: 'config-invalid',
      exitCode: EXIT.usage,
      suggestions: ['The smallest valid file is: {}'],
      cause: error,
    })
  }
  if (!isJsonObject(value)) {
    throw new AppError(`${file} must contain a JSON object.`, {
      code: 'config-invalid',
      exitCode: EXIT.usage,
      suggestions: ['The smallest valid file is: {}'],
    })
  }
  return value
}

/** What is wrong with a text that is not JSON, and where: `JSON.parse` does not always give the position. */
async function describeFault(file: string, json: string, fault: unknown): Promise<string> {
  const {transform} = await import('esbuild')
  const found: unknown = await transform(json, {loader: 'json', logLevel: 'silent'}).catch(
    (error: unknown) => error,
  )
  const {errors = []}: Partial<Pick<TransformFailure, 'errors'>> = Object(found)
  const [first] = errors
  if (!first?.location) return `${file} is not JSON: ${messageOf(fault)}`
  const {line, column, lineText} = first.location
  // esbuild counts bytes, from 0.
  const before = Buffer.from(lineText).subarray(0, column).toString()
  return `${file} is not JSON, line ${line}, column ${before.length + 1}: ${first.text}.`
}

/** A path as the project's settings store it: relative to its folder, with `/`. */
export function settingFor(path: string, project: string): string {
  const short = relative(project, path).split(sep).join('/')
  return short.startsWith('../') ? short : `./${short}`
}

/** Values of settings as `cloud-runner.json` writes them. */
export type SettingChanges = Readonly<Partial<Record<SettingName, unknown>>>

/**
 * Writes settings into the folder's `cloud-runner.json` atomically, keeping its other fields. A pipeline of its own, if
 * only its default name said so, is named when it gets others beside it.
 * @param place the section that they go into: of an environment, of a pipeline; by default the file's own settings
 * @returns the file, absolute
 */
export async function saveConfig(
  folder: string,
  changes: SettingChanges,
  place: Place = {},
): Promise<string> {
  const file = join(folder, CONFIG_FILE)
  const path = [
    ...(place.env === undefined ? [] : [ENVIRONMENTS, place.env]),
    ...(place.pipeline === undefined ? [] : [PIPELINES, place.pipeline]),
  ]
  const current = (await readConfigFile(file)) ?? {}
  const own = ownPipeline(splitConfig(current, file))
  const isLost = own !== undefined && ownPipeline(splitConfig(changed(current, path, {}), file)) === undefined
  const next = changed(isLost ? {...current, name: own} : current, path, changes)
  await writeWhole(file, `${JSON.stringify(next, undefined, 2)}\n`)
  return file
}

function changed(
  section: unknown,
  [key, ...rest]: readonly string[],
  changes: SettingChanges,
): Record<string, unknown> {
  const fields = isJsonObject(section) ? section : {}
  if (key === undefined) return withChanges(fields, changes)
  return {...fields, [key]: changed(fields[key], rest, changes)}
}

/** Values by name, such as labels, add to those that are there. */
function withChanges(
  before: Readonly<Record<string, unknown>>,
  changes: SettingChanges,
): Record<string, unknown> {
  const merged = Object.entries(changes).map(([name, value]) => {
    const own = before[name]
    return [name, isJsonObject(own) && isJsonObject(value) ? {...own, ...value} : value]
  })
  return {...before, ...Object.fromEntries(merged)}
}
