import {stat} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {CONFIG_FILE, readConfigFile} from './config-file.ts'
import {DEFAULT_SOURCE, placeOf, readLayers} from './config-layers.ts'
import {checkTogether, invalid, type Source} from './config-rules.ts'
import {readEnvFile} from './env-file.ts'
import {AppError, EXIT} from './errors.ts'
import type {Setting} from './settings/setting.ts'
import {environmentName, flagName} from './settings/setting-names.ts'
import {
  LOCAL_PROJECT,
  eachSetting,
  readAll,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
} from './settings/settings.ts'
import {
  checkBuckets,
  checkFullName,
  choicesIn,
  declaredPipelines,
  ENV_VARIABLE,
  envNamed,
  ownPipeline,
  PIPELINES,
  splitConfig,
  unknownName,
  type Choice,
  type Place,
  type Sections,
} from './config-sections.ts'

export const STATE_FOLDER = '.cloud-runner'

export interface Config {
  readonly settings: Settings
  readonly sources: Readonly<Record<SettingName, Source>>
  /** The `cloud-runner.json` that was read, absolute. */
  readonly file: string | undefined
  /** The user's folder: where `cloud-runner.json` or `.cloud-runner` was found, else the current one. Absolute. */
  readonly folder: string
  /** What was chosen: `settings.name` has the environment's name too. */
  readonly choice: Choice
  /** Whether changes need the pipeline's name. */
  readonly isProtected: boolean
  /**
   * Where its settings belong in the file: in the entry of its environment, and in one of its own if it already has
   * one, or the file, or a folder where one was set up, belongs to another pipeline.
   */
  readonly place: Place
  /** The pipeline that the file's own settings are for; `undefined` if it declares others only. */
  readonly own: string | undefined
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
  /** Name of the environment, given as a flag. */
  readonly env?: string | undefined
  /** CPU cores of this machine: the local target's default for `maxInstances`. */
  readonly cores: number
}

/** What the folder of the user declares, and what was selected of it. */
interface Declared {
  readonly folder: string
  readonly file: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
  readonly sections: Sections
  readonly given: Place
}

async function readDeclared({cwd, environment, flags, env}: Omit<ConfigInput, 'cores'>): Promise<Declared> {
  const folder = (await findFolder(cwd)) ?? cwd
  const file = join(folder, CONFIG_FILE)
  const fields = await readConfigFile(file)
  const name = flags.name ?? (environment[environmentName('name')] || undefined)
  if (env === '') throw invalid('--env is empty; it must be the name of an environment.')
  return {
    folder,
    file,
    fields,
    sections: splitConfig(fields ?? {}, file),
    given: {
      pipeline: name === undefined ? undefined : String(name),
      env: env ?? (environment[ENV_VARIABLE] || undefined),
    },
  }
}

/**
 * The pipelines, each in one of the environments, that flags and variables leave open; at least one.
 * @param isNew whether a pipeline that the file does not declare may be meant
 * @throws AppError `config-invalid` (exit 2) for the name of a pipeline or environment that the file does not declare
 */
export async function readChoices(
  input: Omit<ConfigInput, 'cores'>,
  {isNew}: {readonly isNew: boolean},
): Promise<Choice[]> {
  const {sections, given, file} = await readDeclared(input)
  const known = declaredPipelines(sections)
  const {pipeline} = given
  const isUnknown =
    pipeline !== undefined && SETTINGS.name.parse(pipeline) !== undefined && !known.includes(pipeline)
  if (isUnknown && !isNew && sections.pipelines.size > 0) throw unknownName('pipeline', pipeline, known, file)
  return choicesIn(sections, given, file)
}

/** The pipelines and environments that `cloud-runner.json` declares. @throws AppError as {@link readConfig} */
export async function readNames(
  input: Omit<ConfigInput, 'cores'>,
): Promise<{readonly pipelines: readonly string[]; readonly environments: readonly string[]}> {
  const {sections} = await readDeclared(input)
  return {pipelines: declaredPipelines(sections), environments: [...sections.environments.keys()]}
}

/**
 * Reads the configuration: defaults < `cloud-runner.json` < the pipeline's entry in it < the environment's < the
 * pipeline's in the environment < `CLOUD_RUNNER_*` < flags.
 * @param chosen which pipeline in which environment; by default what was selected, else the folder's own pipeline
 * @throws AppError `config-invalid` (exit 2) that names place, value, rule and an example; `config-unreadable`
 */
export async function readConfig(input: ConfigInput, chosen?: Choice): Promise<Config> {
  const {cwd, flags, cores} = input
  const declared = await readDeclared(input)
  const {folder, file, fields, sections, given} = declared
  const own = ownPipeline(sections)
  const {pipeline, env} = chosen ?? {
    pipeline: given.pipeline ?? own ?? SETTINGS.name.default,
    env: given.env === undefined ? undefined : envNamed(given.env, sections, file),
  }

  const choice = {pipeline, env}
  const layers = readLayers({...declared, own, choice}, input)
  const sources = eachSetting((setting) => layers.get(setting)?.at(-1)?.source ?? DEFAULT_SOURCE)

  function read<T>(setting: SettingName, row: Setting<T>): T | undefined {
    const all = layers.get(setting) ?? []
    const values = (row.combine === undefined ? all.slice(-1) : all).map(({value, source}) => {
      const parsed = row.parse(value)
      if (parsed === undefined) throw wrongValue(setting, value, source, row)
      return parsed
    })
    return row.combine !== undefined && all.length > 1
      ? row.combine(all.map(({value}) => value))
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
  const values = readAll(read)
  const envFile = values.envFile === undefined ? undefined : absolute('envFile', values.envFile)
  const stateFolder = join(folder, STATE_FOLDER)
  const isOther = pipeline !== own && (fields !== undefined || (await exists(stateFolder)))
  const isOwnState =
    env === undefined &&
    (!isOther ||
      sources.state.kind === 'flag' ||
      sources.state.place === placeOf([PIPELINES, pipeline], file))
  const name = checkFullName(choice, sections, file)
  const settings: Settings = {
    ...values,
    name,
    state:
      values.state === undefined || isOwnState ? values.state : `${values.state.replace(/\/+$/, '')}/${name}`,
    ...(envFile === undefined
      ? {}
      : {environment: {...(await readEnvFile(envFile, sources.envFile.place)), ...values.environment}}),
    target,
    project: project ?? LOCAL_PROJECT,
    ...(target === 'local' && !layers.has('maxInstances') ? {maxInstances: cores} : {}),
  }
  const {worker, model} = settings
  checkTogether(settings, sources)
  checkBuckets(choice, settings, sections)
  const section = env === undefined ? undefined : sections.environments.get(env)
  const hasEntry =
    sections.pipelines.has(pipeline) ||
    section?.pipelines.has(pipeline) ||
    (env !== undefined && sections.pipelines.size > 0)
  return {
    settings,
    sources,
    file: fields === undefined ? undefined : file,
    folder,
    choice,
    isProtected: section?.isProtected ?? false,
    place: {pipeline: isOther || hasEntry ? pipeline : undefined, env},
    own,
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

function wrongValue(setting: SettingName, value: unknown, source: Source, row: Setting<unknown>): AppError {
  const written = JSON.stringify(value)
  const [where, type] = {
    flag: [`${flagName(setting)} is ${written}`, `${flagName(setting)} ${row.example}`],
    environment: [`${source.place} is ${written}`, `${source.place}=${row.example}`],
    file: [
      `"${setting}" in ${source.place} is ${written}`,
      `"${setting}": ${JSON.stringify(row.schema['type'] === 'string' ? row.example : row.parse(row.example))}`,
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
