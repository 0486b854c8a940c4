import {relative} from 'node:path'
import type {Config} from '../core/config.ts'
import type {Context} from '../core/ports/context.ts'
import type {ImageRequest} from '../core/deploy/build.ts'
import {findReplacement} from '../core/deploy/replacement.ts'
import {checkPrerequisites, requireAll} from '../core/doctor/prerequisites.ts'
import {plan} from '../core/plan.ts'
import {makeProject, planProject} from '../core/project/make.ts'
import {saveSettings} from '../core/save-settings.ts'
import {shellPath, shellWord} from '../core/shell.ts'
import {withModel, type PlannedModel} from '../core/model/plan-model.ts'
import {confirmByYes} from './confirm.ts'
import {terraformVersion, type OpenTarget} from './open.ts'
import {showMonthlyCost} from './show-cost.ts'
import {showPlan} from './show-plan.ts'
import {showProjectPlan} from './show-project.ts'

/** A request to set up on Google Cloud, and the means to ask the user about it. */
export interface GoogleSetup {
  readonly config: Config
  readonly target: OpenTarget
  readonly flags: {
    readonly yes: boolean
    readonly project?: string | undefined
    readonly 'create-project': boolean
    readonly 'billing-account'?: string | undefined
  }
  readonly interactive: boolean
  readonly signal: AbortSignal
  readonly task: <R>(title: string, work: (step: (text: string) => void) => Promise<R>) => Promise<R>
}

/** With `--create-project`, or after an interrupted one: asks for approval, then creates what the project lacks. */
export async function ensureProject({
  config,
  target,
  flags,
  interactive,
  signal,
  task,
}: GoogleSetup): Promise<void> {
  const request = {create: flags['create-project'], billingAccount: flags['billing-account']}
  const planned = await task('Check the project', (step) => planProject(request, target.context(step)))
  if (planned === undefined) return
  // Without Terraform, the new project would be of no use.
  await terraformVersion()
  const {project} = planned
  const account = flags['billing-account']
  await confirmByYes({
    given: flags.yes,
    consequences: showProjectPlan(planned),
    command: [
      'cloud-runner setup --create-project --project',
      project,
      ...(account === undefined ? [] : ['--billing-account', account]),
      '--yes',
    ].join(' '),
    interactive,
    signal,
  })
  await task(`Create project ${project}`, (step) => makeProject(planned, target.context(step)))
  await saveSettings(config)
}

/** Checks the prerequisites, then shows the plan and asks for approval. */
export async function agreeToPlan(
  {target, flags, interactive, signal, task}: GoogleSetup,
  model: PlannedModel | undefined,
): Promise<void> {
  requireAll(
    await task('Check prerequisites', (step) => checkPrerequisites(target.context(step), terraformVersion)),
  )
  const planned = await task('Plan', async (step) => plan(await withModel(model, target.context(step))))
  if (planned.changes === 0) return
  await confirmByYes({
    given: flags.yes,
    consequences: [...showPlan(planned), showMonthlyCost(planned.monthlyCost)],
    command: ['cloud-runner setup', ...(flags.project ? ['--project', flags.project] : []), '--yes'].join(
      ' ',
    ),
    interactive,
    signal,
  })
}

/** A requested deployment. */
export interface AskedDeployment {
  readonly request: Pick<ImageRequest, 'workerFolder' | 'image'>
  /** Value of `--yes`. */
  readonly yes: boolean
  /** Name of the command, and what was typed after it. */
  readonly command: string
  readonly argv: readonly string[]
  readonly interactive: boolean
}

/**
 * Asks before a worker replaces a different one: it may be meant for another pipeline.
 * @throws AppError `confirmation-required`, `confirmation-mismatch`
 */
export async function agreeToReplacement(
  {request, yes, command, argv, interactive}: AskedDeployment,
  context: Context,
): Promise<void> {
  if (yes) return
  const replaced = await findReplacement(request, context)
  if (replaced === undefined) return
  const {serving, next} = replaced
  const {workerFolder} = request
  const own =
    workerFolder === undefined
      ? `cloud-runner ${command === 'deploy' ? 'setup' : command} --pipeline NAME`
      : `cloud-runner setup --pipeline NAME --worker ${shellPath(relative(process.cwd(), workerFolder) || '.')}`
  await confirmByYes({
    given: yes,
    consequences: [
      `Pipeline ${context.pipeline.settings.name} runs ${inWords(serving)}. This replaces it with ${inWords(next)}.`,
      `To keep both, create another pipeline: ${own}`,
    ],
    command: ['cloud-runner', command, ...argv.map(shellWord), '--yes'].join(' '),
    interactive,
    signal: context.signal,
  })
}

function inWords(worker: string | undefined): string {
  if (worker === undefined) return 'an image built elsewhere'
  return worker === 'packaged' ? 'the built-in worker' : `the worker in ${worker}`
}
