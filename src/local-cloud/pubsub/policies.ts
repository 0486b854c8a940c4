import type {AccessControl, Policy} from '../iam/access.ts'
import {parsePermissions, parsePolicy} from '../iam/policy.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {HttpRequest, HttpResponse, Route} from '../wire/routes.ts'
import type {RpcService} from '../wire/rpc.ts'
import {notFound} from './names.ts'

/**
 * google.iam.v1.IAMPolicy of topics and subscriptions. Over REST its paths are Pub/Sub's own, which no proto carries
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/getIamPolicy), hence the plain routes.
 */
export function createPolicies(
  access: AccessControl,
  exists: (name: string) => boolean,
): {routes: Route[]; service: RpcService} {
  /** Permission first, then existence. */
  function check(resource: string, verb: 'getIamPolicy' | 'setIamPolicy', {principal}: Call): void {
    access.require(principal, `pubsub.${collectionOf(resource)}.${verb}`, resource)
    if (!exists(resource)) throw notFound(resource)
  }

  function get({resource = ''}: {resource?: string}, call: Call): Policy {
    check(resource, 'getIamPolicy', call)
    return access.getPolicy(resource)
  }

  async function set(
    {resource = '', policy}: {resource?: string; policy?: unknown},
    call: Call,
  ): Promise<Policy> {
    check(resource, 'setIamPolicy', call)
    return access.setPolicy(resource, parsePolicy(policy))
  }

  function test(request: {resource?: string; permissions?: unknown}, {principal}: Call): object {
    const {resource = ''} = request
    collectionOf(resource)
    const permissions = access.testPermissions(principal, parsePermissions({...request}), resource)
    return permissions.length > 0 ? {permissions} : {}
  }

  function route(
    method: string,
    verb: string,
    answer: (resource: string, request: HttpRequest) => Promise<object>,
  ): Route {
    return {
      method,
      pattern: new RegExp(`^/v1/(?<resource>projects/[^/]+/(?:topics|subscriptions)/[^/:]+):${verb}$`),
      handle: async (request): Promise<HttpResponse> => ({
        json: await answer(request.params['resource'] ?? '', request),
      }),
    }
  }

  return {
    routes: [
      route('GET', 'getIamPolicy', async (resource, {call}) => get({resource}, call)),
      route('POST', 'setIamPolicy', async (resource, {call, json}) =>
        set({...(await json()), resource}, call),
      ),
      route('POST', 'testIamPermissions', async (resource, {call, json}) =>
        test({...(await json()), resource}, call),
      ),
    ],
    service: {
      service: 'google.iam.v1.IAMPolicy',
      unary: {GetIamPolicy: get, SetIamPolicy: set, TestIamPermissions: test},
    },
  }
}

/** @throws ApiError UNIMPLEMENTED for what is neither a topic nor a subscription */
function collectionOf(resource: string): string {
  const collection = /^projects\/[^/]+\/(?<collection>topics|subscriptions)\/[^/]+$/.exec(resource)?.groups?.[
    'collection'
  ]
  if (collection === undefined)
    throw new ApiError(
      'UNIMPLEMENTED',
      `The IAM policy of "${resource}" is not served by the local cloud under this name.`,
    )
  return collection
}
