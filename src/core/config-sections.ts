import {command, suggest} from './suggestion.ts'
import {invalid} from './config-rules.ts'
import {isJsonObject} from './json.ts'
import {nearest} from './nearest.ts'
import {SETTINGS, type Settings} from './settings/settings.ts'

/** Field of `cloud-runner.json`, or of an environment in it, with settings of individual pipelines by name. */
export const PIPELINES = 'pipelines'
/** Field of `cloud-runner.json` with settings of individual environments by name. */
export const ENVIRONMENTS = 'environments'
/** Field of an environment: whether changes need the pipeline's name. */
export const PROTECTED = 'protected'

/** `--env none`: outside all environments. */
export const NO_ENV = 'none'

/** Names of environments: what may follow a pipeline's name and a hyphen. */
export const ENV_NAME = {
  pattern: /^(?!none$)[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?$/,
  rule: '1 to 20 lower-case letters, digits and hyphens, not beginning or ending with a hyphen, and not none',
}

/** The variable that selects an environment, as `--env` does. */
export const ENV_VARIABLE = 'CLOUD_RUNNER_ENV'

/** A section of `cloud-runner.json`; without either name: the file's own settings. */
export interface Place {
  readonly pipeline?: string | undefined
  readonly env?: string | undefined
}

/** Settings of all pipelines, and of individual ones by name, which override them. */
export interface Section {
  readonly common: Readonly<Record<string, unknown>>
  readonly pipelines: ReadonlyMap<string, Readonly<Record<string, unknown>>>
}

export interface Environment extends Section {
  readonly isProtected: boolean
}

/** The file's settings, and those of individual environments by name, which override them. */
export interface Sections extends Section {
  readonly environments: ReadonlyMap<string, Environment>
}

/** A pipeline in one of the environments, or outside them. */
export interface Choice {
  /** Name of the pipeline, without the environment's. */
  readonly pipeline: string
  readonly env: string | undefined
}

/**
 * Separates a file's fields into its sections.
 * @throws AppError `config-invalid` (exit 2) for a section that is not an object, a wrong name of one, and a
 *   `protected` that is neither true nor false
 */
export function splitConfig(fields: Readonly<Record<string, unknown>>, file: string): Sections {
  const {[ENVIRONMENTS]: declared = {}, ...others} = fields
  const environments = objectsIn(declared, ENVIRONMENTS, file).map(
    ([name, {[PROTECTED]: isProtected = false, ...settings}]): [string, Environment] => {
      const key = `${ENVIRONMENTS}.${name}`
      if (!ENV_NAME.pattern.test(name))
        throw invalid(`"${key}" of ${file} is not the name of an environment; it must be ${ENV_NAME.rule}.`)
      if (typeof isProtected !== 'boolean')
        throw invalid(`"${PROTECTED}" in "${key}" of ${file} must be true or false.`, `"${PROTECTED}": true`)
      return [name, {...sectionOf(settings, `${key}.`, file), isProtected}]
    },
  )
  return {...sectionOf(others, '', file), environments: new Map(environments)}
}

function sectionOf(fields: Readonly<Record<string, unknown>>, prefix: string, file: string): Section {
  const {[PIPELINES]: declared = {}, ...common} = fields
  const pipelines = objectsIn(declared, `${prefix}${PIPELINES}`, file)
  const wrong = pipelines.find(([name]) => SETTINGS.name.parse(name) === undefined)
  if (wrong !== undefined)
    throw invalid(
      `"${prefix}${PIPELINES}.${wrong[0]}" of ${file} is not the name of a pipeline; it must be ${SETTINGS.name.rule}.`,
    )
  return {common, pipelines: new Map(pipelines)}
}

const EXAMPLES = {
  [PIPELINES]: '{"thumbs": {"worker": "./thumbs"}}',
  [ENVIRONMENTS]: '{"staging": {}, "production": {"protected": true}}',
}

function objectsIn(declared: unknown, key: string, file: string): [string, Record<string, unknown>][] {
  const entries: [string, unknown][] = isJsonObject(declared) ? Object.entries(declared) : [['', declared]]
  return entries.map(([name, value]) => {
    if (isJsonObject(value)) return [name, value]
    const kind = key === ENVIRONMENTS ? ENVIRONMENTS : PIPELINES
    throw invalid(
      `"${name === '' ? key : `${key}.${name}`}" in ${file} must be a JSON object.`,
      `For example: "${kind}": ${EXAMPLES[kind]}`,
    )
  })
}

/** The pipeline that the file's own settings are for; `undefined` if it declares others only. */
export function ownPipeline({common, pipelines}: Section): string | undefined {
  const isOwn = pipelines.size === 0 || 'name' in common || 'worker' in common
  return isOwn ? (SETTINGS.name.parse(common['name']) ?? SETTINGS.name.default) : undefined
}

/** Names of all pipelines that the file declares, its own first. */
export function declaredPipelines(sections: Section): string[] {
  const own = ownPipeline(sections)
  return [...new Set([...(own === undefined ? [] : [own]), ...sections.pipelines.keys()])]
}

/**
 * The choices that are open: the pipelines, unless the file has one of its own, in each environment.
 * @param given what was selected already
 * @throws AppError `config-invalid` (exit 2) for an environment that the file does not declare
 */
export function choicesIn(sections: Sections, given: Place, file: string): Choice[] {
  const own = ownPipeline(sections)
  const pipelines =
    given.pipeline !== undefined
      ? [given.pipeline]
      : own === undefined
        ? [...sections.pipelines.keys()]
        : [own]
  const envs =
    given.env === undefined ? [...sections.environments.keys()] : [envNamed(given.env, sections, file)]
  return pipelines.flatMap((pipeline) =>
    (envs.length === 0 ? [undefined] : envs).map((env) => ({pipeline, env})),
  )
}

/** @returns `undefined` outside of all environments */
export function envNamed(given: string, {environments}: Sections, file: string): string | undefined {
  if (given === NO_ENV) return undefined
  if (environments.has(given)) return given
  throw unknownName('environment', given, [...environments.keys()], file)
}

/** A wrong name of a pipeline or an environment. @param known names that the file declares */
export function unknownName(
  kind: 'pipeline' | 'environment',
  given: string,
  known: readonly string[],
  file: string,
): Error {
  const flag = kind === 'pipeline' ? '--pipeline' : '--env'
  const near = nearest(given, known)
  const create =
    kind === 'pipeline'
      ? [suggest`Or create it: ${command('setup', '--pipeline', given)}`]
      : known.length === 0
        ? [
            `Declare it in ${file}: "${ENVIRONMENTS}": {"${ENV_NAME.pattern.test(given) ? given : 'staging'}": {}}`,
          ]
        : []
  return invalid(
    `${file} declares no ${kind} "${given}"${known.length === 0 ? '' : `; it has ${known.join(', ')}`}.`,
    ...(near === undefined ? [] : [`Did you mean ${flag} ${near}?`]),
    ...create,
  )
}

/** Name of a pipeline's resources: in an environment, with its name. */
export function fullName({pipeline, env}: Choice): string {
  return env === undefined ? pipeline : `${pipeline}-${env}`
}

/**
 * Checks the name of the resources against the limit and against every other pipeline of the file.
 * @throws AppError `config-invalid` (exit 2) that names both parts
 */
export function checkFullName(choice: Choice, sections: Sections, file: string): string {
  const name = fullName(choice)
  const {pipeline, env} = choice
  if (SETTINGS.name.parse(name) === undefined)
    throw invalid(
      `Pipeline "${pipeline}" in environment "${env}" would be named ${name} (${name.length} characters); it must be ${SETTINGS.name.rule}.`,
      `Shorten the name of the pipeline or of the environment in ${file}.`,
    )
  const pipelines = new Set([...declaredPipelines(sections), pipeline])
  const others = [...pipelines].flatMap((other) =>
    [undefined, ...sections.environments.keys()].map((within) => ({pipeline: other, env: within})),
  )
  const same = others.find(
    (other) => fullName(other) === name && (other.pipeline !== pipeline || other.env !== env),
  )
  if (same !== undefined)
    throw invalid(
      `Pipeline ${inWords(choice)} would have the same resources, named ${name}, as pipeline ${inWords(same)}.`,
      `Rename one of them in ${file}.`,
    )
  return name
}

/**
 * Keeps environments apart: what one uploads or writes must not reach a bucket of another.
 * @throws AppError `config-invalid` (exit 2) for an existing bucket that another environment has as well
 */
export function checkBuckets(
  {pipeline, env}: Choice,
  settings: Pick<Settings, 'inputBucket' | 'outputBucket'>,
  {environments, ...shared}: Sections,
): void {
  if (env === undefined) return
  for (const bucket of ['inputBucket', 'outputBucket'] as const) {
    const valuesOf = ({common, pipelines}: Section) => [pipelines.get(pipeline)?.[bucket], common[bucket]]
    const other = [...environments].find(([name, section]) => {
      const value = [...valuesOf(section), ...valuesOf(shared)].find((given) => given !== undefined)
      return name !== env && value !== undefined && value === settings[bucket]
    })
    if (other !== undefined)
      throw invalid(
        `${bucket} is ${settings[bucket]} in environment "${env}" and in environment "${other[0]}", so each would change the other's files.`,
        `Give each its own: "${ENVIRONMENTS}": {"${env}": {"${bucket}": "…"}}`,
      )
  }
}

function inWords({pipeline, env}: Choice): string {
  return env === undefined ? `"${pipeline}"` : `"${pipeline}" in environment "${env}"`
}
