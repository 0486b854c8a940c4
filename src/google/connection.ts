import type {AuthClient} from 'google-auth-library'
import {toCredentialsError} from './credentials-error.ts'

/** Where to reach Google's APIs: Google itself, or the local cloud. */
export interface Connection {
  readonly projectId: string
  readonly region: string
  /** Origin of the local cloud, e.g. `http://127.0.0.1:4510`; `undefined` is Google. */
  readonly endpoint: string | undefined
}

/**
 * Options for a gRPC client library (Pub/Sub, Run, Logging). On the local cloud: its host and port in plain text, and
 * an auth client that does nothing, since the libraries otherwise look for credentials and a metadata server even if
 * they send none.
 */
export async function grpcOptions(connection: Connection) {
  // Credentials first: a client created without them fails later, where nothing catches it.
  if (connection.endpoint === undefined)
    return {projectId: connection.projectId, authClient: await defaultCredentials()}
  const {hostname, port} = new URL(connection.endpoint)
  const {credentials} = await import('@grpc/grpc-js')
  return {
    projectId: connection.projectId,
    apiEndpoint: hostname,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    authClient: await noAuth(),
  }
}

/**
 * For every gRPC call: the client libraries would retry an unavailable server for ten minutes, during which a user
 * sees nothing. `retried` does it with bounds.
 */
export const ONE_TRY = {retry: null, timeout: 60_000}

/** An auth client that adds nothing to a request and contacts no server. */
export async function noAuth(): Promise<AuthClient> {
  const {PassThroughClient} = await import('google-auth-library')
  return new PassThroughClient()
}

/** The value of an `authorization` header from Application Default Credentials; `undefined` on the local cloud. */
export function authorizer(connection: Connection): () => Promise<string | undefined> {
  if (connection.endpoint !== undefined) return async () => undefined
  return async () => {
    const headers = await (await defaultCredentials()).getRequestHeaders()
    return headers.get('authorization') ?? undefined
  }
}

/**
 * The project that a user's credentials name for APIs without a project of their own, such as Resource Manager;
 * `undefined` if there is none. https://cloud.google.com/docs/quotas/quota-project
 */
export async function quotaProject(connection: Connection): Promise<string | undefined> {
  if (connection.endpoint !== undefined) return undefined
  return (await defaultCredentials()).quotaProjectId
}

/** Remembers the promise of the first call; a failure is forgotten, so the next call tries again. */
export function once<T>(create: () => Promise<T>): () => Promise<T> {
  let first: Promise<T> | undefined
  return () => {
    first ??= create().catch((error: unknown) => {
      first = undefined
      throw error
    })
    return first
  }
}

/** Application Default Credentials, found once. @throws AppError `unauthenticated` if there are none */
export const defaultCredentials = once(async (): Promise<AuthClient> => {
  const {GoogleAuth} = await import('google-auth-library')
  try {
    return await new GoogleAuth({scopes: 'https://www.googleapis.com/auth/cloud-platform'}).getClient()
  } catch (error) {
    throw toCredentialsError(error)
  }
})
