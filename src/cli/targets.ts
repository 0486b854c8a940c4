import {existsSync} from 'node:fs'
import {rm, stat} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {readChoices, readConfig, readNames, type Config, type ConfigInput} from '../core/config.ts'
import type {Context} from '../core/ports/context.ts'
import {AppError} from '../core/errors.ts'
import {secretsOf} from '../core/secrets/declared.ts'
import {readLocalValues} from '../core/secrets/local-values.ts'
import {pipelineOf} from '../core/settings/pipeline.ts'
import type {SettingName} from '../core/settings/settings.ts'
import type {Choice} from '../core/config-sections.ts'
import type {Cloud} from '../core/ports/cloud.ts'
import {createGoogleCloud} from '../google/cloud.ts'
import {createImages} from '../image/images.ts'
import {createDocker} from '../tools/docker.ts'
import {removeUnusedLocalCloud} from '../tools/local-cloud-removal.ts'
import {packageVersion} from '../tools/package-version.ts'
import {createPrograms} from '../tools/programs.ts'
import {duration} from './format.ts'
import {clockAheadMs, followClock, localCloudOf, type StartOptions} from './targets/local-cloud.ts'
import {terraformOn} from './targets/terraform.ts'
import {command, suggest} from '../core/suggestion.ts'

export type {LocalCloudStatus} from '../tools/local-cloud-address.ts'
export {createImages} from '../image/images.ts'
export {openInBrowser} from '../tools/browser.ts'
export {ENVIRONMENT_FORMATS, renderEnvironment} from '../tools/environment/render.ts'
export type {StartedLocalCloud} from '../tools/local-cloud-process.ts'
export {runProgram} from '../tools/run-program.ts'
export {terraformVersion} from '../tools/terraform/program.ts'
export {clockAheadMs, localCloudOf, type LocalCloudControl} from './targets/local-cloud.ts'
export {openTools, type ToolsEnvironment} from './targets/tools.ts'

/** The flags that every command has. */
export interface TargetFlags {
  readonly target?: string | undefined
  readonly project?: string | undefined
  readonly pipeline?: string | undefined
  readonly env?: string | undefined
}

/** Settings that a command takes as flags. */
export type SettingFlags = Readonly<Partial<Record<SettingName, string | number | undefined>>>

function inputFrom({target, project, pipeline, env}: TargetFlags, others: SettingFlags = {}): ConfigInput {
  return {
    cwd: process.cwd(),
    environment: process.env,
    flags: {target, project, name: pipeline, ...others},
    env,
    cores: availableParallelism(),
  }
}

/**
 * The pipelines of the current folder, each in one of its environments, that the flags leave open; at least one.
 * @param isNew whether a pipeline that is not declared may be meant
 */
export function openChoices(flags: TargetFlags, {isNew}: {readonly isNew: boolean}): Promise<Choice[]> {
  return readChoices(inputFrom(flags), {isNew})
}

/**
 * Reads the configuration of the current folder; flags override it.
 * @param choice by default what the flags select, else the folder's own pipeline
 */
export function readSettings(flags: TargetFlags, others?: SettingFlags, choice?: Choice): Promise<Config> {
  return readConfig(inputFrom(flags, others), choice)
}

/** The pipelines and environments that the current folder declares. */
export function declaredNames(): ReturnType<typeof readNames> {
  return readNames(inputFrom({}))
}

/** Whether a docker engine answers on this machine. */
export function dockerAnswers(): Promise<boolean> {
  return createDocker().answers()
}

export interface OpenOptions extends StartOptions {
  /** Whether to create a target that was never set up. */
  readonly create: boolean
  /** Whether to use the real Terraform on the local target. */
  readonly rehearse?: boolean
  /** Prints which target this is. */
  readonly say: (line: string) => void
}

/** A reachable target, with everything that an action needs. */
export interface OpenTarget extends AsyncDisposable {
  /** @param step receives what the action is doing */
  context(step?: (text: string) => void): Context
  /** The cloud's time, in milliseconds since the epoch. */
  now(): number
  /**
   * Removes what is useless once no pipeline is left: the local cloud, process and files; Terraform's working folder.
   * @returns whether the local cloud was removed
   */
  removeUnused(): Promise<boolean>
}

/** Whether anything was ever created here, without starting anything; always true for Google, which only knows itself. */
export async function hasTarget(config: Config): Promise<boolean> {
  if (config.settings.target === 'gcp') return true
  return stat(localCloudOf(config).folder).then(
    () => true,
    () => false,
  )
}

/** Whether this folder already has a pipeline, judging by its files. */
export async function hasPipeline(config: Config): Promise<boolean> {
  if (config.workerFolder !== undefined) return true
  return config.settings.target === 'local' ? hasTarget(config) : existsSync(googleFolder(config))
}

/** Working folder of the pipeline's Terraform. */
function googleFolder({stateFolder, settings: {project, name}}: Config): string {
  return join(stateFolder, 'gcp', project, name)
}

/**
 * The composition root: target → services.
 * @throws AppError `not-set-up` if `create` is false and nothing was ever created here
 */
export function openTarget(config: Config, options: OpenOptions): Promise<OpenTarget> {
  return config.settings.target === 'gcp' ? openGoogle(config, options) : openLocal(config, options)
}

async function openLocal(config: Config, options: OpenOptions): Promise<OpenTarget> {
  const {name, project, region} = config.settings
  const {create, rehearse = false, signal, say, starting} = options
  if (!create && !(await hasTarget(config))) {
    throw new AppError(`No pipeline in ${config.folder}.`, {
      code: 'not-set-up',
      suggestions: [
        suggest`Create one: ${command('setup')}`,
        'Or change to the folder where you created it.',
      ],
    })
  }
  const local = localCloudOf(config)
  const running = await local.status()
  const isCurrent = running?.version === packageVersion
  const {endpoint} = isCurrent ? running : await starting(() => local.start({signal}))
  // Its clock is right again when it starts.
  const aheadMs = isCurrent ? clockAheadMs(running, Date.now()) : 0
  const ahead = aheadMs === 0 ? '' : `, whose clock is ${duration(aheadMs)} ahead (local time)`
  const how = rehearse ? ', with the real Terraform' : ''
  say(`Pipeline ${name} on the local target, ${endpoint}${how}${ahead}`)
  const cloud = createGoogleCloud({projectId: project, region, endpoint})
  const folder = join(config.stateFolder, 'rehearsal', project, name)
  const opened = rehearse
    ? {...cloud, infrastructure: await terraformOn(config, cloud, folder, endpoint)}
    : cloud
  return {
    ...targetOf(config, opened, signal),
    now: followClock(local, aheadMs),
    async removeUnused() {
      await rm(folder, {recursive: true, force: true})
      const values = await readLocalValues(config.stateFolder)
      const mirrored = secretsOf(config.settings)
        .filter(({variable}) => (values.get(variable) ?? '') !== '')
        .map(({secret}) => `projects/${project}/secrets/${secret}`)
      return removeUnusedLocalCloud(local.folder, new Set(mirrored))
    },
  }
}

/** Origin of a local cloud to use in place of Google, to try the Google target without an account. */
const GOOGLE_ENDPOINT = 'CLOUD_RUNNER_GOOGLE_ENDPOINT'

async function openGoogle(config: Config, {signal, say}: OpenOptions): Promise<OpenTarget> {
  const {name, project, region} = config.settings
  const endpoint = process.env[GOOGLE_ENDPOINT]
  const where = endpoint === undefined ? '' : `, at ${endpoint} (${GOOGLE_ENDPOINT})`
  const {target} = config.sources
  const why = target.kind === 'implied' ? ` (target gcp, implied by ${target.place})` : ''
  say(`Pipeline ${name} on Google Cloud, project ${project}, ${region}${where}${why}`)
  const cloud = createGoogleCloud({projectId: project, region, ...(endpoint === undefined ? {} : {endpoint})})
  const folder = googleFolder(config)
  const infrastructure = await terraformOn(config, cloud, folder, endpoint)
  return {
    ...targetOf(config, {...cloud, infrastructure}, signal),
    now: () => Date.now(),
    async removeUnused() {
      await rm(folder, {recursive: true, force: true})
      return false
    },
  }
}

function targetOf(
  config: Config,
  cloud: Cloud,
  signal: AbortSignal,
): Pick<OpenTarget, 'context' | typeof Symbol.asyncDispose> {
  return {
    context: (step = () => {}) => ({
      pipeline: pipelineOf(config.settings),
      cloud,
      engine: createDocker(),
      images: createImages(),
      programs: createPrograms(),
      stateFolder: config.stateFolder,
      signal,
      step,
    }),
    [Symbol.asyncDispose]: () => cloud.close(),
  }
}
