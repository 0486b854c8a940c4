import type {State} from '../state/state.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'
import {StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import type {NotificationConfig, Notifications} from './notifications.ts'
import type {Permissions} from './permissions.ts'

/** Notification configurations: https://cloud.google.com/storage/docs/json_api/v1/notifications */
export function notificationRoutes({
  state,
  buckets,
  permissions,
  notifications,
}: {
  state: State
  buckets: Buckets
  permissions: Permissions
  notifications: Notifications
}): JsonRoute[] {
  const permitted = (request: HttpRequest, permission: string): string => {
    const {name} = buckets.get(request.params['bucket'] ?? '')
    permissions.requireOnBucket(request.call.principal, permission, name)
    return name
  }

  const json = (bucket: string, {id, fields}: NotificationConfig, request: HttpRequest): JsonObject => ({
    kind: 'storage#notification',
    id: String(id),
    selfLink: `${request.call.origin}/storage/v1/b/${bucket}/notificationConfigs/${id}`,
    etag: String(id),
    ...fields,
  })

  const find = (bucket: string, id: string): NotificationConfig => {
    const found = /^\d{1,9}$/.test(id) ? notifications.find(bucket, Number(id)) : undefined
    if (found === undefined) {
      throw new StorageError(
        404,
        'notFound',
        `The specified notification configuration does not exist: ${id}`,
      )
    }
    return found
  }

  const insert = async (request: HttpRequest): Promise<HttpResponse> => {
    const bucket = permitted(request, 'storage.buckets.update')
    const body = await request.json()
    const config = await state.write(() => notifications.insert(buckets.get(bucket), body))
    return {json: json(bucket, config, request)}
  }

  const list = (request: HttpRequest): HttpResponse => {
    const bucket = permitted(request, 'storage.buckets.get')
    const items = notifications.list(bucket).map((config) => json(bucket, config, request))
    return {json: {kind: 'storage#notifications', ...(items.length > 0 ? {items} : {})}}
  }

  const get = (request: HttpRequest): HttpResponse => {
    const bucket = permitted(request, 'storage.buckets.get')
    return {json: json(bucket, find(bucket, request.params['notification'] ?? ''), request)}
  }

  const remove = async (request: HttpRequest): Promise<HttpResponse> => {
    const bucket = permitted(request, 'storage.buckets.update')
    const {id} = find(bucket, request.params['notification'] ?? '')
    await state.write(() => notifications.remove(bucket, id))
    return {status: 204}
  }

  return [
    ['POST', '/b/:bucket/notificationConfigs', insert],
    ['GET', '/b/:bucket/notificationConfigs', list],
    ['GET', '/b/:bucket/notificationConfigs/:notification', get],
    ['DELETE', '/b/:bucket/notificationConfigs/:notification', remove],
  ]
}
