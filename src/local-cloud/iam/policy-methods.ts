import type {Call} from '../wire/call.ts'
import {isJsonObject} from '../wire/json.ts'
import {route, type Route} from '../wire/routes.ts'
import type {AccessControl, Policy} from './access.ts'
import {asRequested, parsePermissions, parsePolicy} from './policy.ts'

/** The methods of google.iam.v1.IAMPolicy. */
export interface PolicyMethods {
  GetIamPolicy(request: {resource?: string; options?: {requestedPolicyVersion?: unknown}}, call: Call): Policy
  SetIamPolicy(request: {resource?: string; policy?: unknown}, call: Call): Promise<Policy>
  TestIamPermissions(request: {resource?: string; permissions?: unknown}, call: Call): object
}

/**
 * The policies of a service's resources. Permission comes before existence; a test needs neither, as IAM says.
 * @param kindOf what the permissions on a resource begin with, e.g. `run.services`
 * @param find throws if the resource does not exist
 */
export function policyMethods(
  access: AccessControl,
  kindOf: (resource: string) => string,
  find: (resource: string) => unknown,
): PolicyMethods {
  const check = (resource: string, verb: 'getIamPolicy' | 'setIamPolicy', {principal}: Call): void => {
    access.require(principal, `${kindOf(resource)}.${verb}`, resource)
    find(resource)
  }
  return {
    GetIamPolicy({resource = '', options}, call) {
      check(resource, 'getIamPolicy', call)
      return asRequested(access.getPolicy(resource), options?.requestedPolicyVersion)
    },
    async SetIamPolicy({resource = '', policy}, call) {
      check(resource, 'setIamPolicy', call)
      return access.setPolicy(resource, parsePolicy(policy))
    },
    TestIamPermissions({resource = '', ...body}, {principal}) {
      kindOf(resource)
      const permissions = access.testPermissions(principal, parsePermissions(body), resource)
      return permissions.length > 0 ? {permissions} : {}
    },
  }
}

/**
 * The methods over REST, for APIs whose paths no proto carries.
 * @param template of the resource's name, e.g. `projects/:project/topics/:topic`
 * @param resourceOf the resource that a name in a path means
 * @param getMethod older APIs read a policy by POST
 */
export function policyRoutes(
  template: string,
  methods: PolicyMethods,
  {
    resourceOf = (name) => name,
    getMethod = 'GET',
  }: {resourceOf?: (name: string) => string; getMethod?: 'GET' | 'POST'} = {},
): Route[] {
  const resource = (params: Readonly<Record<string, string>>): string =>
    resourceOf(template.replaceAll(/:(?<name>\w+)/g, (_match, name: string) => params[name] ?? ''))
  return [
    route(getMethod, `/v1/${template}:getIamPolicy`, async ({params, url, call, json}) => {
      const {options} = await json()
      const requestedPolicyVersion = isJsonObject(options)
        ? options['requestedPolicyVersion']
        : url.searchParams.get('options.requestedPolicyVersion')
      return {
        json: methods.GetIamPolicy({resource: resource(params), options: {requestedPolicyVersion}}, call),
      }
    }),
    route('POST', `/v1/${template}:setIamPolicy`, async ({params, call, json}) => ({
      json: await methods.SetIamPolicy({...(await json()), resource: resource(params)}, call),
    })),
    route('POST', `/v1/${template}:testIamPermissions`, async ({params, call, json}) => ({
      json: methods.TestIamPermissions({...(await json()), resource: resource(params)}, call),
    })),
  ]
}
