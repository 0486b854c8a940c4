import {relative} from 'node:path'
import type {Context} from '../core/ports/context.ts'
import type {ImageRequest} from '../core/deploy/build.ts'
import {findReplacement} from '../core/deploy/replacement.ts'
import type {PreparationRequest} from '../core/setup/prepare.ts'
import {confirmByYes} from './confirm.ts'
import {showMonthlyCost} from './show-cost.ts'
import {showPlan} from './show-plan.ts'
import {showProjectPlan} from './show-project.ts'
import {again, suggest, synopsis, type Render} from '../core/suggestion.ts'

/** How `setup` on Google Cloud was requested, and what it may ask. */
export interface AskedSetup {
  readonly render: Render
  readonly flags: {readonly yes: boolean}
  readonly interactive: boolean
  readonly signal: AbortSignal
}

/** The questions of `setup` on Google Cloud. Each throws AppError `confirmation-required` or `confirmation-mismatch`. */
export function setupApprovals({
  flags,
  interactive,
  signal,
  render,
}: AskedSetup): Pick<PreparationRequest, 'approveProject' | 'approvePlan'> {
  const approve = (consequences: readonly string[]) =>
    confirmByYes({given: flags.yes, consequences, command: again('--yes'), interactive, signal})
  return {
    approveProject: (planned) => approve(showProjectPlan(planned)),
    approvePlan: (planned) => approve([...showPlan(planned), showMonthlyCost(planned.monthlyCost, render)]),
  }
}

/** A requested deployment. */
export interface AskedDeployment {
  readonly request: Pick<ImageRequest, 'workerFolder' | 'image'>
  /** Value of `--yes`. */
  readonly yes: boolean
  /** Name of the command. */
  readonly command: string
  readonly interactive: boolean
  readonly render: Render
}

/**
 * Asks before a worker replaces a different one: it may be meant for another pipeline.
 * @throws AppError `confirmation-required`, `confirmation-mismatch`
 */
export async function agreeToReplacement(
  {request, yes, command: verb, interactive, render}: AskedDeployment,
  context: Context,
): Promise<void> {
  if (yes) return
  const replaced = await findReplacement(request, context)
  if (replaced === undefined) return
  const {serving, next} = replaced
  const {workerFolder} = request
  const own =
    workerFolder === undefined
      ? synopsis(verb === 'deploy' ? 'setup' : verb, '--pipeline', 'NAME')
      : synopsis('setup', '--pipeline', 'NAME', '--worker', relative(process.cwd(), workerFolder) || '.')
  await confirmByYes({
    given: yes,
    consequences: [
      `Pipeline ${context.pipeline.settings.name} runs ${inWords(serving)}. This replaces it with ${inWords(next)}.`,
      render(suggest`To keep both, create another pipeline: ${own}`),
    ],
    command: again('--yes'),
    interactive,
    signal: context.signal,
  })
}

function inWords(worker: string | undefined): string {
  if (worker === undefined) return 'an image built elsewhere'
  return worker === 'packaged' ? 'the built-in worker' : `the worker in ${worker}`
}
