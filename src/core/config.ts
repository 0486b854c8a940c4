import {stat} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {CONFIG_FILE, PIPELINES, readConfigFile, splitConfig} from './config-file.ts'
import {AppError, EXIT} from './errors.ts'
import type {Setting} from './pipeline/setting.ts'
import {
  environmentName,
  flagName,
  LOCAL_PROJECT,
  ORDERED,
  eachSetting,
  readAll,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
} from './pipeline/settings.ts'

export const STATE_FOLDER = '.cloud-runner'

/** Where a value came from. Messages name `place`: a file, a variable, a flag. */
export interface Source {
  readonly kind: 'default' | 'file' | 'environment' | 'flag' | 'implied'
  readonly place: string
}

export interface Config {
  readonly settings: Settings
  readonly sources: Readonly<Record<SettingName, Source>>
  /** The `cloud-runner.json` that was read, absolute. */
  readonly file: string | undefined
  /** The user's folder: where `cloud-runner.json` or `.cloud-runner` was found, else the current one. Absolute. */
  readonly folder: string
  /**
   * The pipeline's name, if its settings belong in its own entry in `pipelines` of the file: it already has one, or the
   * file, or a folder where one was set up, belongs to another pipeline.
   */
  readonly entry: string | undefined
  /** `.cloud-runner` in it, absolute; need not exist. */
  readonly stateFolder: string
  /** Absolute; `undefined` for the packaged worker. */
  readonly workerFolder: string | undefined
  /** `gs://bucket/object`, or the absolute path of a file. */
  readonly model: string | undefined
}

export interface ConfigInput {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Settings given as flags; `undefined` values count as not given. */
  readonly flags: Readonly<Partial<Record<SettingName, string | number | undefined>>>
  /** CPU cores of this machine: the local target's default for `maxInstances`. */
  readonly cores: number
}

/**
 * Reads the configuration: defaults < `cloud-runner.json` < the pipeline's entry in it < `CLOUD_RUNNER_*` < flags.
 * @throws AppError `config-invalid` (exit 2) that names place, value, rule and an example; `config-unreadable`
 */
export async function readConfig({cwd, environment, flags, cores}: ConfigInput): Promise<Config> {
  const folder = (await findFolder(cwd)) ?? cwd
  const file = join(folder, CONFIG_FILE)
  const fromFile = await readConfigFile(file)

  const {common, pipelines} = splitConfig(fromFile ?? {}, file)
  const {$schema: _, ...fileSettings} = common
  const fileName = SETTINGS.name.parse(fileSettings['name']) ?? SETTINGS.name.default
  const name = String(flags.name ?? (environment[environmentName('name')] || fileName))

  const given = new Map<SettingName, {value: unknown; source: Source; base: string}>()
  for (const [key, value] of Object.entries(fileSettings))
    given.set(knownSetting(key, file), {value, source: {kind: 'file', place: file}, base: folder})
  for (const [pipeline, settings] of pipelines) {
    const place = `"${PIPELINES}.${pipeline}" of ${file}`
    if (SETTINGS.name.parse(pipeline) === undefined)
      throw invalid(`${place} is not the name of a pipeline; it must be ${SETTINGS.name.rule}.`)
    for (const [key, value] of Object.entries(settings)) {
      const setting = knownSetting(key, place, ENTRY_SETTINGS)
      if (pipeline === name) given.set(setting, {value, source: {kind: 'file', place}, base: folder})
    }
  }
  for (const setting of SETTING_NAMES) {
    const variable = environmentName(setting)
    const fromEnvironment = environment[variable]
    if (fromEnvironment !== undefined && fromEnvironment !== '') {
      given.set(setting, {value: fromEnvironment, source: {kind: 'environment', place: variable}, base: cwd})
    }
    if (flags[setting] !== undefined) {
      given.set(setting, {value: flags[setting], source: {kind: 'flag', place: flagName(setting)}, base: cwd})
    }
  }

  const sources = eachSetting((setting) => given.get(setting)?.source ?? DEFAULT_SOURCE)

  function read<T>(setting: SettingName, row: Setting<T>): T | undefined {
    const entry = given.get(setting)
    if (entry === undefined) return undefined
    const value = row.parse(entry.value)
    if (value === undefined) throw wrongValue(setting, entry.value, entry.source, row)
    return value
  }

  const project = read('project', SETTINGS.project)
  const givenTarget = read('target', SETTINGS.target)
  const target = givenTarget ?? (project === undefined ? 'local' : 'gcp')
  if (givenTarget === undefined && project !== undefined)
    sources.target = {kind: 'implied', place: sources.project.place}
  if (target === 'gcp' && project === undefined) {
    throw new AppError('The target gcp needs a project.', {
      code: 'config-invalid',
      exitCode: EXIT.usage,
      suggestions: [
        'Name it: --project my-project-123',
        `Or set CLOUD_RUNNER_PROJECT, or "project" in ${CONFIG_FILE}.`,
      ],
    })
  }

  const absolute = (setting: SettingName, path: string) => resolve(given.get(setting)?.base ?? cwd, path)
  const settings: Settings = {
    ...readAll(read),
    target,
    project: project ?? LOCAL_PROJECT,
    ...(target === 'local' && !given.has('maxInstances') ? {maxInstances: cores} : {}),
  }
  const {worker, model} = settings
  checkTogether(settings, sources)
  const stateFolder = join(folder, STATE_FOLDER)
  const isOther = name !== fileName && (fromFile !== undefined || (await exists(stateFolder)))
  return {
    settings,
    sources,
    file: fromFile === undefined ? undefined : file,
    folder,
    entry: isOther || pipelines.has(name) ? name : undefined,
    stateFolder,
    workerFolder: worker === undefined ? undefined : absolute('worker', worker),
    model: model === undefined || model.startsWith('gs://') ? model : absolute('model', model),
  }
}

const DEFAULT_SOURCE: Source = {kind: 'default', place: 'default'}

/** What a pipeline's entry may set: its name is the entry's own. */
const ENTRY_SETTINGS = SETTING_NAMES.filter((setting) => setting !== 'name')

/** @param place of the field @param names that are allowed */
function knownSetting(
  key: string,
  place: string,
  names: readonly SettingName[] = SETTING_NAMES,
): SettingName {
  const setting = names.find((name) => name === key)
  if (setting !== undefined) return setting
  const folded = key.toLowerCase().replaceAll(/[-_]/g, '')
  const near = names.find((name) => name.toLowerCase() === folded)
  throw new AppError(`${place} has an unknown field "${key}".`, {
    code: 'config-invalid',
    exitCode: EXIT.usage,
    suggestions: [near === undefined ? `Fields are: ${names.join(', ')}.` : `Did you mean "${near}"?`],
  })
}

function wrongValue(
  setting: SettingName,
  value: unknown,
  source: Source,
  row: {rule: string; example: string},
): AppError {
  const written = JSON.stringify(value)
  const [where, type] = {
    flag: [`${flagName(setting)} is ${written}`, `${flagName(setting)} ${row.example}`],
    environment: [`${source.place} is ${written}`, `${source.place}=${row.example}`],
    file: [
      `"${setting}" in ${source.place} is ${written}`,
      `"${setting}": ${JSON.stringify(exampleFor(setting, row.example))}`,
    ],
    default: [`${setting} is ${written}`, row.example],
    implied: [`${setting} is ${written}`, row.example],
  }[source.kind]
  return new AppError(`${where}; it must be ${row.rule}.`, {
    code: 'config-invalid',
    exitCode: EXIT.usage,
    suggestions: [`For example: ${type}`],
  })
}

/** Numbers are written without quotes in JSON. */
function exampleFor(setting: SettingName, example: string): string | number {
  const {schema} = SETTINGS[setting]
  return 'type' in schema && schema['type'] === 'integer' ? Number(example) : example
}

function invalid(message: string, ...suggestions: string[]): AppError {
  return new AppError(message, {code: 'config-invalid', exitCode: EXIT.usage, suggestions})
}

/** Rules over more than one setting. */
function checkTogether(settings: Settings, sources: Readonly<Record<SettingName, Source>>): void {
  const given = (setting: 'requestTimeout' | 'ackDeadline' | 'minimumBackoff' | 'maximumBackoff') =>
    `${setting} (${settings[setting]} s, ${sources[setting].place})`
  for (const {lower, upper, strict, why} of ORDERED) {
    const isInOrder = strict ? settings[lower] < settings[upper] : settings[lower] <= settings[upper]
    if (isInOrder) continue
    throw invalid(
      `${given(lower)} must ${strict ? 'be below' : 'not be above'} ${given(upper)}: ${why}.`,
      `For example: ${upper} ${SETTINGS[upper].example} with ${lower} ${SETTINGS[lower].example}`,
    )
  }
}

/** The nearest folder from `cwd` upward that holds `cloud-runner.json` or `.cloud-runner`. */
async function findFolder(cwd: string): Promise<string | undefined> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if ((await exists(join(folder, CONFIG_FILE))) || (await exists(join(folder, STATE_FOLDER)))) return folder
    if (dirname(folder) === folder) return undefined
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
