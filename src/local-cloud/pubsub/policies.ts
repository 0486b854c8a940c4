import type {AccessControl} from '../iam/access.ts'
import {policyMethods, policyRoutes} from '../iam/policy-methods.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Route} from '../wire/routes.ts'
import type {RpcService} from '../wire/rpc.ts'
import {notFound} from './names.ts'

/**
 * google.iam.v1.IAMPolicy of topics, subscriptions, snapshots and schemas. Over REST its paths are Pub/Sub's own, which are in no proto
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/getIamPolicy), hence the plain routes.
 */
export function createPolicies(
  access: AccessControl,
  exists: (name: string) => boolean,
): {routes: Route[]; service: RpcService} {
  const methods = policyMethods(access, kindOf, (resource) => {
    if (!exists(resource)) throw notFound(resource)
  })
  return {
    routes: ['topics', 'subscriptions', 'snapshots', 'schemas'].flatMap((collection) =>
      policyRoutes(`projects/:project/${collection}/:id`, methods),
    ),
    service: {service: 'google.iam.v1.IAMPolicy', unary: {...methods}},
  }
}

/** @throws ApiError UNIMPLEMENTED for anything but a topic, a subscription, a snapshot or a schema */
function kindOf(resource: string): string {
  const collection = /^projects\/[^/]+\/(?<collection>topics|subscriptions|snapshots|schemas)\/[^/]+$/.exec(
    resource,
  )?.groups?.['collection']
  if (collection === undefined)
    throw new ApiError(
      'UNIMPLEMENTED',
      `The IAM policy of "${resource}" is not served by the local cloud under this name.`,
    )
  return `pubsub.${collection}`
}
