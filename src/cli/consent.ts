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
import {showPlan} from './show-plan.ts'
import {showProjectPlan} from './show-project.ts'

/** What `setup` on Google Cloud was asked, and how it talks to the person who asked. */
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

/** With `--create-project`, and where that was interrupted: the project is there, and a person has agreed to it. */
export async function ensureProject({
  config,
  target,
  flags,
  interactive,
  signal,
  task,
}: GoogleSetup): Promise<void> {
  const request = {create: flags['create-project'], billingAccount: flags['billing-account']}
  const planned = await task('Look at the project', (step) => planProject(request, target.context(step)))
  if (planned === undefined) return
  // Nothing is made that could not be used.
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
  await task(`Make project ${project}`, (step) => makeProject(planned, target.context(step)))
  await saveSettings(config)
}

/** What is needed is there, and a person has seen what will be made and agreed to it. */
export async function agreeToPlan(
  {target, flags, interactive, signal, task}: GoogleSetup,
  model: PlannedModel | undefined,
): Promise<void> {
  requireAll(
    await task('Check what is needed', (step) => checkPrerequisites(target.context(step), terraformVersion)),
  )
  const planned = await task('Plan', async (step) => plan(await withModel(model, target.context(step))))
  if (planned.changes === 0) return
  await confirmByYes({
    given: flags.yes,
    consequences: showPlan(planned),
    command: ['cloud-runner setup', ...(flags.project ? ['--project', flags.project] : []), '--yes'].join(
      ' ',
    ),
    interactive,
    signal,
  })
}

/** A deployment that was asked for. */
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
 * A worker that would take the place of a different one is named, and needs a yes: it may be meant for another pipeline.
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
  if (worker === undefined) return 'an image that was built elsewhere'
  return worker === 'packaged' ? 'the worker that comes with cloud-runner' : `the worker in ${worker}`
}
