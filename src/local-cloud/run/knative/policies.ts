import type {Policy} from '../../iam/access.ts'
import {parsePolicy} from '../../iam/policy.ts'
import type {Call} from '../../wire/call.ts'
import {type HttpRequest, route, type Route} from '../../wire/routes.ts'
import {list, message, text} from './shape.ts'

/** The policy methods of a kind of resource. */
interface PolicyApi {
  GetIamPolicy(request: {resource?: string}, call: Call): object
  SetIamPolicy(request: {resource?: string; policy?: Policy}, call: Call): Promise<object>
  TestIamPermissions(request: {resource?: string; permissions?: string[]}, call: Call): object
}

const testShape = message({permissions: list(text)})
const PARENT = '/v1/projects/:namespace/locations/:location'

/** The policies of services or jobs in the v1 API, as `gcloud run … add-iam-policy-binding` changes them. */
export function policyRoutes(collection: 'services' | 'jobs', api: PolicyApi): Route[] {
  const resource = ({params}: HttpRequest): string =>
    `projects/${params['namespace']}/locations/${params['location']}/${collection}/${params['name']}`
  return [
    route('GET', `${PARENT}/${collection}/:name:getIamPolicy`, (request) => ({
      json: api.GetIamPolicy({resource: resource(request)}, request.call),
    })),
    route('POST', `${PARENT}/${collection}/:name:setIamPolicy`, async (request) => {
      const {policy} = await request.json()
      return {
        json: await api.SetIamPolicy(
          {resource: resource(request), policy: parsePolicy(policy)},
          request.call,
        ),
      }
    }),
    route('POST', `${PARENT}/${collection}/:name:testIamPermissions`, async (request) => {
      const {permissions} = testShape(await request.json(), '')
      return {
        json: api.TestIamPermissions(
          {resource: resource(request), ...(permissions ? {permissions} : {})},
          request.call,
        ),
      }
    }),
  ]
}
