import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from '../ports/context.ts'
import {FIRST_APIS} from '../doctor/prerequisites.ts'
import {AppError, EXIT, type ErrorCode} from '../errors.ts'
import type {BillingAccount} from '../ports/project.ts'
import {withLock} from '../lock.ts'

/** What is missing before a project that is ours can hold a pipeline. */
export interface ProjectPlan {
  readonly project: string
  /** Whether it is to be made; else `setup` made it before, and was interrupted. */
  readonly create: boolean
  /** The account to link; `undefined`: one is linked. */
  readonly billing: BillingAccount | undefined
  readonly apis: readonly string[]
}

export interface ProjectRequest {
  /** Whether a project that is not there is to be made. */
  readonly create: boolean
  /** Id of the billing account; `undefined`: the only one there is. */
  readonly billingAccount: string | undefined
}

/** Google's own tools tell of a minute until everybody knows of a new project. */
const UNTIL_KNOWN_MS = 60_000
/** A refusal may be meant: whoever is really not allowed to is told so sooner. */
const UNTIL_ALLOWED_MS = 15_000
const LONGEST_PAUSE_MS = 3000

/**
 * Finds out what `setup --create-project` has to do, or has left to do; changes nothing. A project of the user's own is
 * none of its business.
 * @returns `undefined` where there is nothing to do
 * @throws AppError `project-exists`, `project-deleted`, `billing-account-unknown`, `unauthenticated`
 */
export async function planProject(
  request: ProjectRequest,
  context: Context,
): Promise<ProjectPlan | undefined> {
  try {
    return await planOf(request, context)
  } catch (error) {
    // What is missing for a project of the user's own is told with all the other prerequisites.
    if (error instanceof AppError && !request.create && NOT_ASKED.has(error.code)) return undefined
    throw error
  }
}

/** Nothing could be asked. */
const NOT_ASKED: ReadonlySet<ErrorCode> = new Set([
  'unauthenticated',
  'permission-denied',
  'api-disabled',
  'unreachable',
  'unavailable',
])

async function planOf(
  {create, billingAccount}: ProjectRequest,
  {cloud, pipeline, step}: Context,
): Promise<ProjectPlan | undefined> {
  const {project} = pipeline.settings
  step('Look for credentials')
  await cloud.project.principal()
  step(`Look at project ${project}`)
  const state = await cloud.project.state()
  if (state === undefined) {
    if (!create) return undefined
    return {
      project,
      create,
      billing: await chooseAccount(billingAccount, project, cloud.project),
      apis: FIRST_APIS,
    }
  }
  if (!state.active) {
    if (!create) return undefined
    throw new AppError(`Project ${project} was deleted, and its id is never free again.`, {
      code: 'project-deleted',
      suggestions: [
        `Within 30 days it can be had back: gcloud projects undelete ${project}`,
        'Or choose another id: cloud-runner setup --create-project --project ID',
      ],
    })
  }
  if (state.madeFor === undefined) {
    if (!create) return undefined
    throw new AppError(`Project ${project} is there already, and cloud-runner did not make it.`, {
      code: 'project-exists',
      suggestions: [
        `Use it as it is: cloud-runner setup --project ${project}`,
        'Or choose another id: cloud-runner setup --create-project --project ID',
      ],
    })
  }
  const billing =
    state.billing === false ? await chooseAccount(billingAccount, project, cloud.project) : undefined
  const enabled = await cloud.project.enabledApis()
  const apis = FIRST_APIS.filter((api) => !enabled.has(api))
  return billing === undefined && apis.length === 0 ? undefined : {project, create: false, billing, apis}
}

/**
 * Makes the project, labelled with the pipeline's name, links the billing account, and enables what Terraform needs to
 * enable the rest. What was made stays where a later step fails: the same `setup` goes on from there.
 * @throws AppError `project-taken`, `quota-exceeded`, `permission-denied`, `locked`
 */
export async function makeProject(plan: ProjectPlan, context: Context): Promise<void> {
  const {cloud, pipeline, signal, step} = context
  const {project, billing, apis} = plan
  await withLock('setup', context, async () => {
    if (plan.create) {
      step(`Make project ${project}`)
      await make(pipeline.settings.name, context)
      await known(async () => (await cloud.project.state())?.active === true, project, signal)
    }
    try {
      if (billing !== undefined) {
        step(`Link billing account ${billing.id}`)
        await patiently(() => cloud.project.linkBilling(billing.id), signal)
      }
      step('Enable the first APIs')
      await patiently(() => cloud.project.enableApis(apis, {signal}), signal)
      await known(
        async () => {
          const enabled = await cloud.project.enabledApis()
          return apis.every((api) => enabled.has(api))
        },
        project,
        signal,
      )
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      throw new AppError(`${error.message}\nProject ${project} is there, and stays.`, {
        code: error.code,
        suggestions: [...error.suggestions, 'Then run the same command again to continue.'],
        cause: error,
      })
    }
  })
}

async function make(madeFor: string, {cloud, pipeline, signal}: Context): Promise<void> {
  const {project} = pipeline.settings
  try {
    await cloud.project.create(madeFor, {signal})
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    // Asked for twice, since the first answer was lost: then it is there, and ours.
    if (error.code === 'conflict' && (await cloud.project.state())?.madeFor === madeFor) return
    throw notMade(error, project)
  }
}

/** Why Google makes no project, and what can be done instead. */
function notMade(error: AppError, project: string): AppError {
  const {code, message, suggestions} = error
  const failed = (as: ErrorCode, said: string, next: readonly string[]) =>
    new AppError(said, {code: as, suggestions: next, cause: error})
  if (code === 'conflict') {
    return failed(
      'project-taken',
      `The project id ${project} is taken: ids are unique in the world, those of deleted projects too.`,
      ['Choose another: cloud-runner setup --create-project --project ID'],
    )
  }
  if (code === 'rate-limited') {
    return failed('quota-exceeded', `${message}\nThere may be no more projects: nothing was made.`, [
      'Ask for more: https://support.google.com/code/contact/project_quota_increase',
      'Or use one that is there: cloud-runner setup --project ID',
    ])
  }
  if (code === 'permission-denied') {
    return failed(code, `${message}\nNothing was made.`, [
      ...suggestions,
      'Making a project takes roles/resourcemanager.projectCreator on the organization or folder.',
      'Or have it made by somebody else, and then: cloud-runner setup --project ID',
    ])
  }
  return error
}

async function chooseAccount(
  asked: string | undefined,
  project: string,
  {billingAccounts}: Pick<Context['cloud']['project'], 'billingAccounts'>,
): Promise<BillingAccount> {
  const accounts = await billingAccounts()
  const [only, ...others] = accounts
  const chosen = asked === undefined && others.length === 0 ? only : accounts.find(({id}) => id === asked)
  if (chosen !== undefined) return chosen
  const command = (account: string) =>
    `cloud-runner setup --create-project --project ${project} --billing-account ${account}`
  if (only === undefined) {
    throw new AppError('There is no open billing account that these credentials may use.', {
      code: 'billing-account-unknown',
      suggestions: [
        'Open one: https://console.cloud.google.com/billing/create',
        'Or be given roles/billing.user on one that is there.',
      ],
    })
  }
  const list = accounts.map(({id, name}) => `  ${id}  ${name}`)
  const message =
    asked === undefined
      ? 'There are several billing accounts; say which one pays for the project:'
      : `There is no open billing account ${asked} that these credentials may use. There are:`
  throw new AppError([message, ...list].join('\n'), {
    code: 'billing-account-unknown',
    exitCode: EXIT.usage,
    suggestions: [`For example: ${command(only.id)}`],
  })
}

/** Repeats what is refused because Google does not know everywhere yet that the project is the caller's. */
async function patiently(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + UNTIL_ALLOWED_MS
  for (let pause = 500; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work()
    } catch (error) {
      const mayPass = error instanceof AppError && ['permission-denied', 'not-found'].includes(error.code)
      if (!mayPass || performance.now() + pause > giveUpAt) throw error
    }
    await sleep(pause, undefined, {signal})
  }
}

/** @throws AppError `timeout` where it is not so after a minute */
async function known(look: () => Promise<boolean>, project: string, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + UNTIL_KNOWN_MS
  for (let pause = 100; !(await look()); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (performance.now() > giveUpAt) {
      throw new AppError(`Google does not know everywhere yet what was done to project ${project}.`, {
        code: 'timeout',
        suggestions: ['In some minutes the same command goes on from here.'],
      })
    }
    await sleep(pause, undefined, {signal})
  }
}
