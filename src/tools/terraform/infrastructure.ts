import {setTimeout as sleep} from 'node:timers/promises'
import {AppError} from '../../core/errors.ts'
import type {Pipeline} from '../../core/settings/pipeline.ts'
import type {Infrastructure, PlannedResource} from '../../core/ports/infrastructure.ts'
import {makeStateFolder} from '../../core/state-folder.ts'
import type {Environment} from '../environment/environment.ts'
import type {TerraformEvent} from './events.ts'
import {isPassing, terraformFailed} from './failure.ts'
import type {Terraform} from './program.ts'
import {plannedResources, type AddressedResource} from './resources.ts'
import {prepareWorkspace, type StateLocation} from './workspace.ts'
import {command, suggest} from '../../core/suggestion.ts'

interface Doing {
  readonly signal: AbortSignal
  readonly step: (text: string) => void
}

/** What Terraform cannot do or report, done through the APIs. */
export interface ByApi extends Pick<Infrastructure, 'leftovers'> {
  /** Deletes every object in the pipeline's buckets, all generations. */
  emptyBuckets(pipeline: Pipeline, doing: Doing): Promise<void>
  /** Current image of the service, if it ever had a ready revision. */
  liveImage(pipeline: Pipeline): Promise<string | undefined>
  /** Whether the bucket of the state exists; `create` creates it if it does not. */
  stateBucket(pipeline: Pipeline, bucket: string, options: {create: boolean}): Promise<boolean>
}

export interface TerraformOptions {
  /** `.cloud-runner`, absolute; created if it is missing. */
  readonly stateFolder: string
  /** Working folder, absolute: module, variables and, without `state`, the state. */
  readonly folder: string
  readonly state: StateLocation | undefined
  readonly environment: Environment
  readonly downloading: Environment
  /** Whether it runs against a local cloud. */
  readonly quick: boolean
  readonly byApi: ByApi
  /** Waits before retries of an apply, while changes propagate in Google Cloud. */
  readonly waitsSeconds?: readonly number[]
}

const PLAN_FILE = 'plan.tfplan'
const QUIET = ['-json', '-input=false', '-no-color']
/** How long to wait for another Terraform to unlock the state. */
const LOCK_TIMEOUT = '-lock-timeout=120s'
/** Grants of a first apply propagate meanwhile; https://cloud.google.com/iam/docs/access-change-propagation */
const WAITS_SECONDS = [15, 45]
const EMPTY_ATTEMPTS = 3

/** Infrastructure through the packaged module and the real terraform. */
export function createTerraformInfrastructure(options: TerraformOptions): Infrastructure {
  const {folder, environment, downloading, quick, byApi} = options
  const waits = options.waitsSeconds ?? WAITS_SECONDS

  /** @param image defaults to the live one, so that a running service is never planned for deletion */
  async function prepare(
    pipeline: Pipeline,
    image: string | undefined,
    {create, signal}: {create: boolean; signal: AbortSignal},
  ): Promise<Terraform> {
    const {state} = options
    const isThere = state !== undefined && (await byApi.stateBucket(pipeline, state.bucket, {create}))
    await makeStateFolder(options.stateFolder)
    return prepareWorkspace(folder, {
      pipeline,
      image: image ?? (await byApi.liveImage(pipeline)),
      state: isThere ? state : undefined,
      environment,
      downloading,
      quick,
      signal,
    })
  }

  async function makePlan(
    terraform: Terraform,
    pipeline: Pipeline,
    {signal, extra = []}: {signal: AbortSignal; extra?: readonly string[]},
  ): Promise<{resources: AddressedResource[]; changes: boolean}> {
    const run = await terraform.run(
      ['plan', ...QUIET, LOCK_TIMEOUT, '-detailed-exitcode', `-out=${PLAN_FILE}`, ...extra],
      {signal},
    )
    signal.throwIfAborted()
    // https://developer.hashicorp.com/terraform/cli/commands/plan: 0 no changes, 1 error, 2 changes
    if (run.exitCode !== 0 && run.exitCode !== 2)
      throw new PassingError(terraformFailed('terraform plan failed', run, folder), isPassing(run))
    const shown = await terraform.json(['show', '-json', '-no-color', PLAN_FILE])
    return {
      resources: plannedResources(shown, pipeline.settings.project),
      changes: run.exitCode === 2,
    }
  }

  /** Applies the latest plan and records in `done` the action on each address. @returns the module's outputs */
  async function applyPlan(
    terraform: Terraform,
    planned: readonly AddressedResource[],
    {signal, step}: Doing,
    done: Map<string, PlannedResource['action']>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const byAddress = new Map(planned.map((resource) => [resource.address, resource]))
    const total = planned.filter(({action}) => action !== 'none').length
    let outputs: Readonly<Record<string, unknown>> = {}
    let count = 0
    const onEvent = (event: TerraformEvent): void => {
      if (event.kind === 'outputs') outputs = event.values
      if (event.kind === 'diagnostic' || event.kind === 'outputs') return
      const resource = byAddress.get(event.address)
      if (resource === undefined) return
      if (event.kind === 'complete') done.set(event.address, resource.action)
      else
        step(
          `${verbFor(event.action, resource.kind)} ${resource.kind} ${resource.name} (${++count}/${total})`,
        )
    }
    const run = await terraform.run(['apply', ...QUIET, LOCK_TIMEOUT, PLAN_FILE], {signal, onEvent})
    if (run.exitCode !== 0) {
      signal.throwIfAborted()
      throw new PassingError(terraformFailed('terraform apply failed', run, folder), isPassing(run))
    }
    return outputs
  }

  return {
    async plan(pipeline, {image, signal}) {
      const terraform = await prepare(pipeline, image, {create: false, signal})
      const {resources} = await unwrapped(() => makePlan(terraform, pipeline, {signal}))
      return resources.map(withoutAddress)
    },

    async apply(pipeline, {image, signal, step}) {
      const done = new Map<string, PlannedResource['action']>()
      step('Prepare Terraform')
      const terraform = await prepare(pipeline, image, {create: true, signal})
      const attempt = async (): Promise<PlannedResource[]> => {
        step('Compare with what exists')
        const {resources, changes} = await makePlan(terraform, pipeline, {signal})
        if (changes)
          checkOutputs(await applyPlan(terraform, resources, {signal, step}, done), pipeline, folder)
        return resources.map((resource) => ({
          ...withoutAddress(resource),
          action: done.get(resource.address) ?? resource.action,
        }))
      }
      return unwrapped(async () => {
        for (let tries = 1; ; tries++) {
          try {
            return await attempt()
          } catch (error) {
            if (!(error instanceof PassingError) || !error.passing) throw error
            const seconds = waits[tries - 1]
            if (seconds === undefined) throw new PassingError(stillRefused(error.failure, tries), false)
            step(
              `New grants and APIs are still propagating in Google Cloud, as usual; retrying in ${seconds} s (attempt ${tries + 1} of ${waits.length + 1})`,
            )
            await sleep(seconds * 1000, undefined, {signal})
          }
        }
      })
    },

    async destroy(pipeline, {signal, step}) {
      const done = new Map<string, PlannedResource['action']>()
      const known: AddressedResource[] = []
      step('Prepare Terraform')
      const terraform = await prepare(pipeline, undefined, {create: false, signal})
      await unwrapped(async () => {
        for (let attempt = 1; ; attempt++) {
          await byApi.emptyBuckets(pipeline, {signal, step})
          step('Find what to destroy')
          const {resources, changes} = await makePlan(terraform, pipeline, {signal, extra: ['-destroy']})
          known.push(...resources)
          if (!changes) return
          try {
            await applyPlan(terraform, resources, {signal, step}, done)
            return
          } catch (error) {
            // The worker, or someone else, wrote to a bucket after it was emptied.
            const isFilled = error instanceof PassingError && /not empty|force_destroy/.test(error.message)
            if (!isFilled || attempt === EMPTY_ATTEMPTS) throw error
          }
        }
      })
      return known
        .filter(({address, kind}) => done.delete(address) && kind !== 'API')
        .map((resource) => ({...withoutAddress(resource), action: 'delete'}))
    },

    leftovers: (pipeline, doing) => byApi.leftovers(pipeline, doing),
  }
}

const VERBS: Readonly<Record<string, string>> = {create: 'Create', update: 'Update', delete: 'Delete'}

/** Destroying a pipeline never disables an API: it leaves the state and stays enabled. */
function verbFor(action: string, kind: string): string {
  if (kind === 'API') return action === 'delete' ? 'Release' : 'Enable'
  return VERBS[action] ?? action
}

/** A failed run, and whether the failure may go away without action; never leaves this file. */
class PassingError extends Error {
  override readonly name = 'PassingError'
  readonly failure: AppError
  readonly passing: boolean

  constructor(failure: AppError, passing: boolean) {
    super(failure.message)
    this.failure = failure
    this.passing = passing
  }
}

async function unwrapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof PassingError ? error.failure : error
  }
}

function stillRefused(failure: AppError, tries: number): AppError {
  return new AppError(
    `${failure.message}\nTried ${tries} times: a new grant or API can take a few minutes to propagate in Google Cloud.`,
    {
      code: failure.code,
      suggestions: [suggest`Try again in a few minutes: ${command('setup')}`, ...failure.suggestions],
      cause: failure,
    },
  )
}

/** The module and the rest of the product must use the same buckets. */
function checkOutputs(outputs: Readonly<Record<string, unknown>>, {names}: Pipeline, folder: string): void {
  const wanted = {input_bucket: names.inputBucket, output_bucket: names.outputBucket}
  for (const [name, value] of Object.entries(wanted)) {
    if (outputs[name] === value) continue
    throw new AppError(
      `Terraform's output ${name} is ${JSON.stringify(outputs[name])} instead of ${JSON.stringify(value)}: the module in ${folder} belongs to another version.`,
      {code: 'terraform-failed', suggestions: [suggest`Replace it: ${command('setup')}`]},
    )
  }
}

function withoutAddress({kind, name, action, grant}: AddressedResource): PlannedResource {
  return {kind, name, action, ...(grant === undefined ? {} : {grant})}
}
