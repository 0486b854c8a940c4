import {Storage as StorageClient} from '@google-cloud/storage'
import {onTestFinished} from 'vitest'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import type {AccessControl, AccountKeys} from '../../../src/local-cloud/iam/access.ts'
import {createAccountKeys} from '../../../src/local-cloud/iam/account-keys.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {createServiceAgents} from '../../../src/local-cloud/iam/service-agents.ts'
import {createOperations} from '../../../src/local-cloud/operations/operations.ts'
import {operationsSchema} from '../../../src/local-cloud/operations/schema.ts'
import type {NewMessage} from '../../../src/local-cloud/pubsub/publishing.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import type {State} from '../../../src/local-cloud/state/state.ts'
import {isJsonObject, type JsonObject} from '../../../src/local-cloud/wire/json.ts'
import {createStorage, type Storage, storageSchema} from '../../../src/local-cloud/storage/index.ts'
import type {Principal} from '../../../src/local-cloud/wire/call.ts'
import {type Clock, systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

export const PROJECT = 'local-project'
export const TOPIC = `projects/${PROJECT}/topics/uploads`
export const AGENT = `serviceAccount:${createServiceAgents().storage(PROJECT)}`

export interface LocalStorage {
  readonly origin: string
  /** Google's client, as the owner. */
  readonly client: StorageClient
  readonly storage: Storage
  readonly state: State
  readonly access: AccessControl
  readonly keys: AccountKeys
  /** What was published to `TOPIC`, whose existence can be taken away. */
  readonly topic: {exists: boolean; readonly messages: NewMessage[]}
  /** One more port, for somebody else. */
  readonly listen: (principal: Principal) => Promise<string>
  /** The port of a forward proxy to it, as the owner. */
  readonly listenAsProxy: () => Promise<number>
  /** Ends it as a stop of the local cloud does. */
  readonly stop: () => Promise<void>
}

/** Cloud Storage over a state folder on a port of its own; ends with the test. */
export async function startStorage(options: {clock?: Clock; folder?: string} = {}): Promise<LocalStorage> {
  const clock = options.clock ?? systemClock
  const state = await openState({
    folder: options.folder ?? (await temporaryFolder()),
    schemas: [iamSchema, storageSchema, operationsSchema],
  })
  const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
  const keys = createAccountKeys({state, clock})
  const topic: LocalStorage['topic'] = {exists: true, messages: []}
  const reports: unknown[] = []
  const storage = createStorage({
    state,
    clock,
    access,
    agents: createServiceAgents(),
    keys,
    operations: createOperations({state, clock, access}),
    publishing: {
      hasTopic: (name) => name === TOPIC && topic.exists,
      publishInTransaction: (_name, messages) => {
        topic.messages.push(...messages)
        return messages.map(String)
      },
    },
    report: (error) => reports.push(error),
  })
  const server = createServerOf({
    routes: storage.routes,
    lastRoutes: storage.objectRoutes,
    services: [],
    report: (error) => reports.push(error),
  })
  const stack = new AsyncDisposableStack()
  stack.use(state)
  stack.use(storage)
  const listen = async (principal: Principal): Promise<string> => {
    const listener = await server.listen(0, () => principal)
    stack.defer(() => listener.close())
    return listener.origin
  }
  const listenAsProxy = async (): Promise<number> => {
    const listener = await server.listenAsProxy(0, () => 'owner')
    stack.defer(() => listener.close())
    return listener.port
  }
  const origin = await listen('owner')
  storage.start(origin)
  onTestFinished(async () => {
    await stack.disposeAsync()
    if (reports.length > 0) throw new AggregateError(reports, 'the local cloud had errors of its own')
  })
  return {
    origin,
    client: clientOf(origin),
    storage,
    state,
    access,
    keys,
    topic,
    listen,
    listenAsProxy,
    stop: () => stack.disposeAsync(),
  }
}

export function clientOf(origin: string): StorageClient {
  return new StorageClient({
    apiEndpoint: origin,
    projectId: PROJECT,
    useAuthWithCustomEndpoint: false,
    retryOptions: {autoRetry: false},
  })
}

/** Ids of the blobs that its rows refer to. */
export function blobsOf({state}: Pick<LocalStorage, 'state'>): unknown[] {
  return state.database
    .prepare('SELECT blob FROM storage_objects UNION SELECT blob FROM storage_uploads WHERE blob IS NOT NULL')
    .all()
    .map(({blob}) => blob)
}

/** Sends to the JSON API; a body that is neither text nor bytes is sent as JSON. */
export function call(origin: string, method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${origin}/storage/v1${path}`, {
    method,
    ...(body === undefined
      ? {}
      : {body: JSON.stringify(body), headers: {'content-type': 'application/json'}}),
  })
}

/** Uploads in one request. */
export function uploadMedia(
  origin: string,
  bucket: string,
  name: string,
  body: string | Uint8Array<ArrayBuffer>,
  options: {query?: Record<string, string>; headers?: Record<string, string>} = {},
): Promise<Response> {
  const query = new URLSearchParams({uploadType: 'media', name, ...options.query})
  return fetch(`${origin}/upload/storage/v1/b/${bucket}/o?${query.toString()}`, {
    method: 'POST',
    body,
    headers: {'content-type': 'text/csv', ...options.headers},
  })
}

/** The JSON object that was answered. */
export async function fieldsOf(response: Response): Promise<JsonObject> {
  const value: unknown = await response.json()
  if (!isJsonObject(value)) throw new TypeError('the answer is not a JSON object')
  return value
}

/** The generation of the object that was answered. */
export async function generationOf(response: Response): Promise<string> {
  const {generation} = await fieldsOf(response)
  if (typeof generation !== 'string') throw new TypeError('the answer has no generation')
  return generation
}

/** Status and message of an error. */
export async function refusalOf(response: Response): Promise<[status: number, message: unknown]> {
  const {error} = await fieldsOf(response)
  return [response.status, isJsonObject(error) ? error['message'] : undefined]
}
