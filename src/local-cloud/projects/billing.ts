import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import {route, type Route} from '../wire/routes.ts'
import {createGuard} from './guarded.ts'
import {BILLING_ACCOUNT, type Project, type Projects} from './projects.ts'

const ACCOUNT = {name: BILLING_ACCOUNT, open: true, displayName: 'The local cloud, which bills nothing'}

/** Cloud Billing: one open account, and which projects are linked to it. https://cloud.google.com/billing/docs/reference/rest */
export function billingRoutes({projects, access}: {projects: Projects; access: AccessControl}): Route[] {
  const guarded = createGuard({projects, access})
  const infoOf = (id: string, {billingAccountName}: Project): object => ({
    name: `projects/${id}/billingInfo`,
    projectId: id,
    billingAccountName,
    billingEnabled: billingAccountName !== '',
  })

  return [
    route('GET', '/v1/billingAccounts', () => ({json: {billingAccounts: [ACCOUNT]}})),
    route('GET', '/v1/billingAccounts/:account', ({params}) => {
      requireAccount(`billingAccounts/${params['account']}`)
      return {json: ACCOUNT}
    }),
    route(
      'GET',
      '/v1/projects/:project/billingInfo',
      guarded('resourcemanager.projects.get', (id) => infoOf(id, projects.get(id))),
    ),
    route(
      'PUT',
      '/v1/projects/:project/billingInfo',
      guarded('resourcemanager.projects.createBillingAssignment', async (id, {json}) => {
        const {billingAccountName = ''} = await json()
        const account = String(billingAccountName)
        if (account !== '') requireAccount(account)
        return infoOf(id, await projects.change(id, {billingAccountName: account}))
      }),
    ),
  ]
}

function requireAccount(name: string): void {
  if (name !== BILLING_ACCOUNT)
    throw new ApiError(
      'PERMISSION_DENIED',
      `The caller does not have permission on ${name} (or it may not exist).`,
    )
}
