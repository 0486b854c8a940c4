import {stat} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {CONFIG_FILE, PIPELINES, readConfigFile, splitConfig} from './config-file.ts'
import {AppError, EXIT} from './errors.ts'
import {
  environmentName,
  flagName,
  LOCAL_PROJECT,
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
  for (const setting of settingNames()) {
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

  function read<T>(
    setting: SettingName,
    row: {parse: (value: unknown) => T | undefined; rule: string; example: string},
  ): T | undefined {
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

  const worker = read('worker', SETTINGS.worker)
  const model = read('model', SETTINGS.model)
  const absolute = (setting: SettingName, path: string) => resolve(given.get(setting)?.base ?? cwd, path)
  const settings: Settings = {
    target,
    name: read('name', SETTINGS.name) ?? SETTINGS.name.default,
    project: project ?? LOCAL_PROJECT,
    region: read('region', SETTINGS.region) ?? SETTINGS.region.default,
    state: read('state', SETTINGS.state),
    worker,
    labelColumn: read('labelColumn', SETTINGS.labelColumn),
    model,
    concurrency: read('concurrency', SETTINGS.concurrency) ?? SETTINGS.concurrency.default,
    maxInstances:
      read('maxInstances', SETTINGS.maxInstances) ??
      (target === 'local' ? cores : SETTINGS.maxInstances.default),
    cpu: read('cpu', SETTINGS.cpu) ?? SETTINGS.cpu.default,
    memory: read('memory', SETTINGS.memory) ?? SETTINGS.memory.default,
    jobThreshold: read('jobThreshold', SETTINGS.jobThreshold) ?? SETTINGS.jobThreshold.default,
    requestTimeout: read('requestTimeout', SETTINGS.requestTimeout) ?? SETTINGS.requestTimeout.default,
    ackDeadline: read('ackDeadline', SETTINGS.ackDeadline) ?? SETTINGS.ackDeadline.default,
    minimumBackoff: read('minimumBackoff', SETTINGS.minimumBackoff) ?? SETTINGS.minimumBackoff.default,
    maximumBackoff: read('maximumBackoff', SETTINGS.maximumBackoff) ?? SETTINGS.maximumBackoff.default,
    maxDeliveryAttempts:
      read('maxDeliveryAttempts', SETTINGS.maxDeliveryAttempts) ?? SETTINGS.maxDeliveryAttempts.default,
    messageRetention:
      read('messageRetention', SETTINGS.messageRetention) ?? SETTINGS.messageRetention.default,
  }
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

/** JSON Schema (2020-12) of `cloud-runner.json`, generated from the table of settings. */
export function configSchema(): object {
  const properties = Object.fromEntries(
    settingNames().map((setting) => {
      const row = SETTINGS[setting]
      return [
        setting,
        {
          description: `${row.description} Must be ${row.rule}.`,
          ...row.schema,
          ...('minimum' in row.schema && row.default !== undefined ? {default: row.default} : {}),
        },
      ]
    }),
  )
  const {name: _, ...ofOnePipeline} = properties
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: CONFIG_FILE,
    description: 'Settings of a cloud-runner pipeline. Every field is optional.',
    type: 'object',
    properties: {
      $schema: {type: 'string'},
      ...properties,
      [PIPELINES]: {
        description:
          'Settings of single pipelines by name, for --pipeline NAME; they override those of the file.',
        type: 'object',
        propertyNames: SETTINGS.name.schema,
        additionalProperties: {type: 'object', properties: ofOnePipeline, additionalProperties: false},
      },
    },
    additionalProperties: false,
  }
}

const DEFAULT_SOURCE: Source = {kind: 'default', place: 'default'}

function isSettingName(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key)
}

function settingNames(): SettingName[] {
  return Object.keys(SETTINGS).filter(isSettingName)
}

function eachSetting<T>(make: (setting: SettingName) => T): Record<SettingName, T> {
  const made = Object.fromEntries(settingNames().map((setting) => [setting, make(setting)]))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries loses the key type; all keys are present
  return made as Record<SettingName, T>
}

/** What a pipeline's entry may set: its name is the entry's own. */
const ENTRY_SETTINGS = settingNames().filter((setting) => setting !== 'name')

/** @param place of the field @param names that are allowed */
function knownSetting(key: string, place: string, names = settingNames()): SettingName {
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
  if (settings.requestTimeout >= settings.ackDeadline) {
    throw invalid(
      `requestTimeout (${settings.requestTimeout} s, ${sources.requestTimeout.place}) must be below ackDeadline (${settings.ackDeadline} s, ${sources.ackDeadline.place}): otherwise a file is delivered again while it is still being processed.`,
      `For example: ackDeadline 600s with requestTimeout 540s`,
    )
  }
  if (settings.minimumBackoff > settings.maximumBackoff) {
    throw invalid(
      `minimumBackoff (${settings.minimumBackoff} s, ${sources.minimumBackoff.place}) is above maximumBackoff (${settings.maximumBackoff} s, ${sources.maximumBackoff.place}).`,
      'For example: minimumBackoff 10s with maximumBackoff 600s',
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
