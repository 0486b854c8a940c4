import {stat} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {CONFIG_FILE, PIPELINES, readConfigFile, splitConfig} from './config-file.ts'
import {checkTogether, invalid, type Source} from './config-rules.ts'
import {readEnvFile} from './env-file.ts'
import {AppError, EXIT} from './errors.ts'
import type {Setting} from './pipeline/setting.ts'
import {
  environmentName,
  flagName,
  LOCAL_PROJECT,
  eachSetting,
  readAll,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
} from './pipeline/settings.ts'

export const STATE_FOLDER = '.cloud-runner'

interface Given {
  readonly value: unknown
  readonly source: Source
  /** Folder that paths are relative to. */
  readonly base: string
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
  /** Absolute. Its variables are among the settings' `environment`. */
  readonly envFile: string | undefined
  /** The settings given as flags, by themselves. */
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>
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

  /** What was given, from the lowest layer to the highest. */
  const layers = new Map<SettingName, Given[]>()
  const give = (setting: SettingName, given: Given) =>
    layers.set(setting, [...(layers.get(setting) ?? []), given])
  for (const [key, value] of Object.entries(fileSettings))
    give(knownSetting(key, file), {value, source: {kind: 'file', place: file}, base: folder})
  for (const [pipeline, settings] of pipelines) {
    const place = `"${PIPELINES}.${pipeline}" of ${file}`
    if (SETTINGS.name.parse(pipeline) === undefined)
      throw invalid(`${place} is not the name of a pipeline; it must be ${SETTINGS.name.rule}.`)
    for (const [key, value] of Object.entries(settings)) {
      const setting = knownSetting(key, place, ENTRY_SETTINGS)
      if (pipeline === name) give(setting, {value, source: {kind: 'file', place}, base: folder})
    }
  }
  for (const setting of SETTING_NAMES) {
    const variable = environmentName(setting)
    const fromEnvironment = environment[variable]
    if (fromEnvironment !== undefined && fromEnvironment !== '') {
      give(setting, {value: fromEnvironment, source: {kind: 'environment', place: variable}, base: cwd})
    }
    if (flags[setting] !== undefined) {
      give(setting, {value: flags[setting], source: {kind: 'flag', place: flagName(setting)}, base: cwd})
    }
  }

  const sources = eachSetting((setting) => layers.get(setting)?.at(-1)?.source ?? DEFAULT_SOURCE)

  function read<T>(setting: SettingName, row: Setting<T>): T | undefined {
    const given = layers.get(setting) ?? []
    const values = (row.combine === undefined ? given.slice(-1) : given).map(({value, source}) => {
      const parsed = row.parse(value)
      if (parsed === undefined) throw wrongValue(setting, value, source, row)
      return parsed
    })
    return row.combine !== undefined && given.length > 1
      ? row.combine(given.map(({value}) => value))
      : values.at(-1)
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

  const absolute = (setting: SettingName, path: string) =>
    resolve(layers.get(setting)?.at(-1)?.base ?? cwd, path)
  const all = readAll(read)
  const envFile = all.envFile === undefined ? undefined : absolute('envFile', all.envFile)
  const settings: Settings = {
    ...all,
    ...(envFile === undefined
      ? {}
      : {environment: {...(await readEnvFile(envFile, sources.envFile.place)), ...all.environment}}),
    target,
    project: project ?? LOCAL_PROJECT,
    ...(target === 'local' && !layers.has('maxInstances') ? {maxInstances: cores} : {}),
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
    envFile,
    flags: Object.fromEntries(
      SETTING_NAMES.filter((setting) => sources[setting].kind === 'flag').map((setting) => [
        setting,
        SETTINGS[setting].parse(flags[setting]),
      ]),
    ),
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
