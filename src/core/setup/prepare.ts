import type {Config} from '../config.ts'
import {checkCloudBuild} from '../doctor/cloud-build.ts'
import {checkPrerequisites, requireAll} from '../doctor/prerequisites.ts'
import {withModel, type PlannedModel} from '../model/plan-model.ts'
import {plan, type PlanResult} from '../plan.ts'
import type {Context} from '../ports/context.ts'
import {makeProject, planProject, type ProjectPlan, type ProjectRequest} from '../project/create.ts'
import {saveSettings} from '../save-settings.ts'

export interface PreparationRequest {
  readonly config: Config
  readonly project: ProjectRequest
  /** The model that scores files; `undefined`: the worker trains one for each. */
  readonly model: PlannedModel | undefined
  /** Finds Terraform's version; throws if it is not installed. */
  readonly terraform: () => Promise<string>
  /** Does one part of the work under a title, and returns its result. */
  readonly stage: <R>(title: string, work: (step: (text: string) => void) => Promise<R>) => Promise<R>
  /** Asks the user to approve what the project lacks; throws to stop before anything is created. */
  readonly approveProject: (plan: ProjectPlan) => Promise<void>
  /** Asks the user to approve the pipeline's changes; throws to stop before they are made. */
  readonly approvePlan: (plan: PlanResult) => Promise<void>
}

/**
 * Prepares `setup` on Google Cloud: creates the project if that was requested or interrupted, checks the prerequisites,
 * and has the plan approved. The settings are saved with a new project, so that the next command finds it.
 * @throws AppError as `planProject`, `makeProject` and `requireAll`; what an approval throws
 */
export async function prepareGoogle(request: PreparationRequest, context: Context): Promise<void> {
  const {config, model, terraform, stage, approveProject, approvePlan} = request
  const lacking = await stage('Check the project', (step) => planProject(request.project, {...context, step}))
  if (lacking !== undefined) {
    // Without Terraform, the new project would be of no use.
    await terraform()
    await approveProject(lacking)
    await stage(`Create project ${lacking.project}`, (step) => makeProject(lacking, {...context, step}))
    await saveSettings(config)
  }
  requireAll(
    await stage('Check prerequisites', async (step) => {
      const checks = await checkPrerequisites({...context, step}, terraform)
      return [...checks, ...(await checkCloudBuild(config.workerFolder, {...context, step}))]
    }),
  )
  const planned = await stage('Plan', async (step) => plan(await withModel(model, {...context, step})))
  if (planned.changes > 0) await approvePlan(planned)
}
