import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from '../ports/context.ts'
import {FIRST_APIS} from '../doctor/prerequisites.ts'
import {AppError, EXIT, type ErrorCode} from '../errors.ts'
import type {BillingAccount} from '../ports/project.ts'
import {withLock} from '../lock.ts'
import {command, suggest, synopsis, type Suggestion} from '../suggestion.ts'

/** What a project created by `setup` still needs before it can hold a pipeline. */
export interface ProjectPlan {
  readonly project: string
  /** Whether to create it; otherwise an interrupted `setup` has already done so. */
  readonly create: boolean
  /** The account to link; `undefined`: one is already linked. */
  readonly billing: BillingAccount | undefined
  readonly apis: readonly string[]
}

export interface ProjectRequest {
  /** Whether to create the project if it does not exist. */
  readonly create: boolean
  /** Id of the billing account; `undefined`: the only one. */
  readonly billingAccount: string | undefined
}

/** Google's own tools allow a minute for a new project to propagate. */
const UNTIL_KNOWN_MS = 60_000
/** Shorter, since a refusal may be real and should be reported soon. */
const UNTIL_ALLOWED_MS = 15_000
const LONGEST_PAUSE_MS = 3000

/**
 * Determines what `setup --create-project` has left to do; changes nothing. Projects that it did not create are left
 * alone.
 * @returns `undefined` if there is nothing to do
 * @throws AppError `project-exists`, `project-deleted`, `billing-account-unknown`, `unauthenticated`
 */
export async function planProject(
  request: ProjectRequest,
  context: Context,
): Promise<ProjectPlan | undefined> {
  try {
    return await planOf(request, context)
  } catch (error) {
    // The prerequisite checks report what an existing project lacks.
    if (error instanceof AppError && !request.create && NOT_ASKED.has(error.code)) return undefined
    throw error
  }
}

/** Errors that mean the project could not be inspected. */
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
  step(`Inspect project ${project}`)
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
    throw new AppError(`Project ${project} was deleted, and its id cannot be reused.`, {
      code: 'project-deleted',
      suggestions: [
        `Restore it within 30 days: gcloud projects undelete ${project}`,
        suggest`Or choose another id: ${synopsis('setup', '--create-project', '--project', 'ID')}`,
      ],
    })
  }
  if (state.madeFor === undefined) {
    if (!create) return undefined
    throw new AppError(`Project ${project} already exists, and cloud-runner did not create it.`, {
      code: 'project-exists',
      suggestions: [
        suggest`Use it as it is: ${command('setup', '--project', project)}`,
        suggest`Or choose another id: ${synopsis('setup', '--create-project', '--project', 'ID')}`,
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
 * Creates the project, labelled with the pipeline's name, links the billing account, and enables the APIs that
 * Terraform needs to enable the rest. If a step fails, what was created stays, and the same `setup` continues.
 * @throws AppError `project-taken`, `quota-exceeded`, `permission-denied`, `locked`
 */
export async function makeProject(plan: ProjectPlan, context: Context): Promise<void> {
  const {cloud, pipeline, signal, step} = context
  const {project, billing, apis} = plan
  await withLock('setup', context, async () => {
    if (plan.create) {
      step(`Create project ${project}`)
      await createOnce(pipeline.settings.name, context)
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
      throw new AppError(`${error.message}\nProject ${project} exists and is kept.`, {
        code: error.code,
        suggestions: [...error.suggestions, 'Then run the same command again to continue.'],
        cause: error,
      })
    }
  })
}

async function createOnce(madeFor: string, {cloud, pipeline, signal}: Context): Promise<void> {
  const {project} = pipeline.settings
  try {
    await cloud.project.create(madeFor, {signal})
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    // Requested twice because the first answer was lost: then it exists and was created here.
    if (error.code === 'conflict' && (await cloud.project.state())?.madeFor === madeFor) return
    throw creationError(error, project)
  }
}

/** Why Google refuses to create a project, and what to do instead. */
function creationError(error: AppError, project: string): AppError {
  const {code, message, suggestions} = error
  const failed = (as: ErrorCode, text: string, next: readonly Suggestion[]) =>
    new AppError(text, {code: as, suggestions: next, cause: error})
  if (code === 'conflict') {
    return failed(
      'project-taken',
      `The project id ${project} is taken: ids are globally unique, including those of deleted projects.`,
      [suggest`Choose another: ${synopsis('setup', '--create-project', '--project', 'ID')}`],
    )
  }
  if (code === 'rate-limited') {
    return failed('quota-exceeded', `${message}\nYour project quota is used up; nothing was created.`, [
      'Request more: https://support.google.com/code/contact/project_quota_increase',
      suggest`Or use an existing one: ${synopsis('setup', '--project', 'ID')}`,
    ])
  }
  if (code === 'permission-denied') {
    return failed(code, `${message}\nNothing was created.`, [
      ...suggestions,
      'Creating a project requires roles/resourcemanager.projectCreator on the organization or folder.',
      suggest`Or ask someone else to create it, then: ${synopsis('setup', '--project', 'ID')}`,
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
  if (only === undefined) {
    throw new AppError('No open billing account is available to these credentials.', {
      code: 'billing-account-unknown',
      suggestions: [
        'Open one: https://console.cloud.google.com/billing/create',
        'Or ask for roles/billing.user on an existing one.',
      ],
    })
  }
  const list = accounts.map(({id, name}) => `  ${id}  ${name}`)
  const message =
    asked === undefined
      ? 'There are several billing accounts; choose the one that pays for the project:'
      : `Billing account ${asked} is closed or not available to these credentials. Available:`
  throw new AppError([message, ...list].join('\n'), {
    code: 'billing-account-unknown',
    exitCode: EXIT.usage,
    suggestions: [
      suggest`For example: ${synopsis('setup', '--create-project', '--project', project, '--billing-account', only.id)}`,
    ],
  })
}

/** Retries refusals while the caller's ownership of a new project propagates. */
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

/** Waits until `look` returns true. @throws AppError `timeout` after a minute */
async function known(look: () => Promise<boolean>, project: string, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + UNTIL_KNOWN_MS
  for (let pause = 100; !(await look()); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (performance.now() > giveUpAt) {
      throw new AppError(`Changes to project ${project} are still propagating in Google Cloud.`, {
        code: 'timeout',
        suggestions: ['Run the same command again in a few minutes to continue.'],
      })
    }
    await sleep(pause, undefined, {signal})
  }
}
