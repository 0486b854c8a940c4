import type {AccessControl} from '../iam/access.ts'
import {parsePermissions, parsePolicy} from '../iam/policy.ts'
import type {HttpRequest, HttpResponse, Route} from '../wire/routes.ts'
import {notFound} from './names.ts'

/**
 * google.iam.v1.IAMPolicy of topics and subscriptions; the protos of Pub/Sub do not carry it, so these are plain routes
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/getIamPolicy).
 */
export function createPolicyRoutes(access: AccessControl, exists: (name: string) => boolean): Route[] {
  return ['topics', 'subscriptions'].flatMap((collection) => {
    const resource = ({params}: HttpRequest): string =>
      `projects/${params['project']}/${collection}/${params['id']}`

    function require(request: HttpRequest, permission: string): string {
      const name = resource(request)
      access.require(request.call.principal, `pubsub.${collection}.${permission}`, name)
      if (!exists(name)) throw notFound(name)
      return name
    }
    const pattern = (verb: string): RegExp =>
      new RegExp(`^/v1/projects/(?<project>[^/]+)/${collection}/(?<id>[^/:]+):${verb}$`)

    return [
      {
        method: 'GET',
        pattern: pattern('getIamPolicy'),
        handle: (request: HttpRequest): HttpResponse => ({
          json: access.getPolicy(require(request, 'getIamPolicy')),
        }),
      },
      {
        method: 'POST',
        pattern: pattern('setIamPolicy'),
        async handle(request: HttpRequest): Promise<HttpResponse> {
          const name = require(request, 'setIamPolicy')
          return {json: await access.setPolicy(name, parsePolicy((await request.json())['policy']))}
        },
      },
      {
        method: 'POST',
        pattern: pattern('testIamPermissions'),
        async handle(request: HttpRequest): Promise<HttpResponse> {
          const permissions = parsePermissions(await request.json())
          const held = access.testPermissions(request.call.principal, permissions, resource(request))
          return {json: held.length > 0 ? {permissions: held} : {}}
        },
      },
    ]
  })
}
