import {route, type Route} from '../wire/routes.ts'
import {renderStorageError} from './errors.ts'
import {methodId} from './method-ids.ts'
import {partOf} from './partial-response.ts'

/** A method of the JSON API: HTTP method, path below `/storage/v1`, handler. */
export type JsonRoute = readonly [method: string, path: string, handle: Route['handle']]

/**
 * Each method under `/storage/v1`, and without it: clients of version 7 and before drop the prefix where they know
 * the host from STORAGE_EMULATOR_HOST alone.
 */
export function jsonRoutes(routes: readonly JsonRoute[]): Route[] {
  return ['/storage/v1', ''].flatMap((prefix) =>
    routes.map(([method, path, handle]) =>
      named(
        methodId(method, path),
        slashed(path, route(method, `${prefix}${path}`, partially(handle), renderStorageError)),
      ),
    ),
  )
}

/** Google and its clients let a collection's path end with a slash. */
function slashed(path: string, collection: Route): Route {
  if (/:\w+$/.test(path)) return collection
  return {...collection, pattern: new RegExp(collection.pattern.source.replace(/\$$/, '/?$'))}
}

/** Answers with what `fields` names of the whole, if it is given. */
export function partially(handle: Route['handle']): Route['handle'] {
  return async (request) => {
    const answer = await handle(request)
    const fields = request.url.searchParams.get('fields') ?? ''
    return answer.json === undefined || fields === ''
      ? answer
      : {...answer, json: partOf({...answer.json}, fields)}
  }
}

/** The route under its method's name in Google's discovery document. */
export function named(name: string | undefined, unnamed: Route): Route {
  return name === undefined ? unnamed : {...unnamed, name}
}
