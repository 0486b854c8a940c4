import {readFile} from 'node:fs/promises'
import {join, relative, sep} from 'node:path'
import {type TransformFailure} from 'esbuild'
import {AppError, EXIT} from './errors.ts'
import {isJsonObject} from './json.ts'
import type {SettingName} from './pipeline/settings.ts'
import {shellPath} from './shell.ts'
import {codeOf} from './system-error.ts'
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
    throw new AppError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
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
  if (!first?.location)
    return `${file} is not JSON: ${fault instanceof Error ? fault.message : String(fault)}`
  const {line, column, lineText} = first.location
  // esbuild counts bytes, from 0.
  const before = Buffer.from(lineText).subarray(0, column).toString()
  return `${file} is not JSON, line ${line}, column ${before.length + 1}: ${first.text}.`
}

/** Field of `cloud-runner.json` with settings of single pipelines by name, which override those of the file. */
export const PIPELINES = 'pipelines'

/**
 * Separates a file's fields: settings of all pipelines, and those of single ones by name.
 * @throws AppError `config-invalid` (exit 2) if `pipelines` is not an object of objects
 */
export function splitConfig(
  fields: Readonly<Record<string, unknown>>,
  file: string,
): {readonly common: Record<string, unknown>; readonly pipelines: ReadonlyMap<string, object>} {
  const {[PIPELINES]: declared = {}, ...common} = fields
  const entries: [string, unknown][] = isJsonObject(declared) ? Object.entries(declared) : [['', declared]]
  const pipelines = entries.map(([name, settings]): [string, object] => {
    if (isJsonObject(settings)) return [name, settings]
    throw new AppError(
      `"${name === '' ? PIPELINES : `${PIPELINES}.${name}`}" in ${file} must be a JSON object.`,
      {
        code: 'config-invalid',
        exitCode: EXIT.usage,
        suggestions: [`For example: "${PIPELINES}": {"thumbs": {"worker": "./thumbs"}}`],
      },
    )
  })
  return {common, pipelines: new Map(pipelines)}
}

/** A path as the project's settings store it: relative to its folder, with `/`. */
export function settingFor(path: string, project: string): string {
  const short = relative(project, path).split(sep).join('/')
  return short.startsWith('../') ? short : `./${short}`
}

/** Values of settings as `cloud-runner.json` writes them. */
export type SettingChanges = Readonly<Partial<Record<SettingName, unknown>>>

/**
 * Writes settings into the folder's `cloud-runner.json` atomically, keeping its other fields.
 * @param pipeline the only one that they apply to; `undefined`: the file's own settings
 * @returns the file, absolute
 */
export async function saveConfig(
  folder: string,
  changes: SettingChanges,
  pipeline?: string,
): Promise<string> {
  const file = join(folder, CONFIG_FILE)
  const current = (await readConfigFile(file)) ?? {}
  const {pipelines} = splitConfig(current, file)
  const next =
    pipeline === undefined
      ? withChanges(current, changes)
      : {
          ...current,
          [PIPELINES]: {
            ...Object.fromEntries(pipelines),
            [pipeline]: withChanges(pipelines.get(pipeline) ?? {}, changes),
          },
        }
  await writeWhole(file, `${JSON.stringify(next, undefined, 2)}\n`)
  return file
}

/** Values by name, such as labels, add to those that are there. */
function withChanges(current: object, changes: SettingChanges): object {
  const before: Readonly<Record<string, unknown>> = {...current}
  const merged = Object.entries(changes).map(([name, value]) => {
    const own = before[name]
    return [name, isJsonObject(own) && isJsonObject(value) ? {...own, ...value} : value]
  })
  return {...current, ...Object.fromEntries(merged)}
}
