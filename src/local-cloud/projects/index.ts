import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import type {Operations} from '../operations/operations.ts'
import type {Route} from '../wire/routes.ts'
import {billingRoutes} from './billing.ts'
import type {EnabledApis} from './enabled-apis.ts'
import type {Projects} from './projects.ts'
import {resourceManagerRoutes} from './resource-manager.ts'
import {serviceUsageRoutes} from './service-usage.ts'

/**
 * What tools ask about a project before they do anything, and how one is created: Resource Manager, Cloud Billing and
 * Service Usage, as far as the Terraform provider, gcloud and `setup --create-project` call them.
 * @param access one that does not refuse what is in a deleted project: that can still be looked at here
 */
export function createControlPlane(needs: {
  access: AccessControl
  agents: ServiceAgents
  operations: Operations
  projects: Projects
  apis: EnabledApis
}): {routes: Route[]} {
  return {routes: [...resourceManagerRoutes(needs), ...billingRoutes(needs), ...serviceUsageRoutes(needs)]}
}
