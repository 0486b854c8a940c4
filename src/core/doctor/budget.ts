import type {Context} from '../ports/context.ts'
import type {ProjectState} from '../ports/project.ts'
import type {Check} from './check.ts'

/**
 * Either suffices for the budget of a single project:
 * https://cloud.google.com/billing/docs/how-to/budget-api-access-control
 */
const ON_PROJECT = ['billing.resourcebudgets.read', 'billing.resourcebudgets.write']
const ON_ACCOUNT = ['create', 'get', 'list', 'update', 'delete'].map((verb) => `billing.budgets.${verb}`)
const ACCOUNT_ROLE = 'roles/billing.costsManager'

/** Checks that the caller may create the budget that the settings ask for. */
export async function checkBudget(
  {billingAccount}: Pick<ProjectState, 'billingAccount'>,
  {cloud, pipeline}: Context,
): Promise<Check[]> {
  const {budget, project} = pipeline.settings
  if (budget === undefined) return []
  const name = 'budget'
  const ok: Check = {name, state: 'ok', detail: `may be created for ${project}`}
  const onProject = await cloud.project.missingPermissions(ON_PROJECT)
  if (onProject === undefined || onProject.length === 0) return [ok]
  const onAccount =
    billingAccount === undefined
      ? undefined
      : await cloud.project.missingPermissions(ON_ACCOUNT, billingAccount)
  if (onAccount?.length === 0) return [ok]
  // The Cloud Billing API is only enabled along with the pipeline.
  if (onAccount === undefined)
    return [{...ok, detail: `cannot be checked: the billing account of ${project} cannot be read`}]
  const principal = await cloud.project.principal()
  return [
    {
      name,
      state: 'failed',
      detail: `${principal} lacks ${onProject.join(', ')} on ${project}, which roles/editor grants, and may not manage budgets of its billing account`,
      fix: `gcloud billing accounts add-iam-policy-binding ${billingAccount} --member=${principal} --role=${ACCOUNT_ROLE}`,
    },
  ]
}
