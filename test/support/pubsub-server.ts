import {NO_METRICS} from './no-metrics.ts'
import {generateKeyPairSync} from 'node:crypto'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {PubSub} from '@google-cloud/pubsub'
import {onTestFinished} from 'vitest'
import type {AccessControl, IdTokens, ServiceAgents} from '../../src/local-cloud/iam/access.ts'
import {createAccess} from '../../src/local-cloud/iam/access-control.ts'
import {createIdTokens} from '../../src/local-cloud/iam/id-tokens.ts'
import {iamSchema} from '../../src/local-cloud/iam/schema.ts'
import {createServiceAgents} from '../../src/local-cloud/iam/service-agents.ts'
import {createPubsub, type Pubsub, pubsubSchema} from '../../src/local-cloud/pubsub/index.ts'
import {openState} from '../../src/local-cloud/state/open.ts'
import type {State} from '../../src/local-cloud/state/state.ts'
import type {Clock} from '../../src/local-cloud/wire/clock.ts'
import {systemClock} from '../../src/local-cloud/wire/clock.ts'
import {createServerOf} from '../../src/local-cloud/wire/server.ts'
import {temporaryFolder} from './temporary-folder.ts'

/** What a REST call answered. */
interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Pub/Sub of the local cloud on a port of its own, with nothing else around. */
export interface PubsubServer extends AsyncDisposable {
  readonly state: State
  readonly access: AccessControl
  readonly agents: ServiceAgents
  readonly tokens: IdTokens
  readonly pubsub: Pubsub
  /** Google's own client. */
  readonly client: PubSub
  /** REST, below `/v1/projects/p/`. */
  call(method: string, path: string, body?: object, as?: string): Promise<Answer>
}

/** Made once for all tests of a file, since an RSA key takes longer than most of them. */
const signingKey = generateKeyPairSync('rsa', {modulusLength: 2048})
  .privateKey.export({type: 'pkcs8', format: 'pem'})
  .toString()

/** Starts Pub/Sub on `folder`; stopped at the end of the test unless it was before. */
export async function startPubsub({
  clock = systemClock,
  folder,
}: {clock?: Clock; folder?: string} = {}): Promise<PubsubServer> {
  const stack = new AsyncDisposableStack()
  onTestFinished(() => stack.disposeAsync())
  const state = stack.use(
    await openState({folder: folder ?? (await temporaryFolder()), schemas: [iamSchema, pubsubSchema]}),
  )
  await writeFile(join(state.folder, 'id-token-key.pem'), signingKey, {mode: 0o600})
  const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
  const agents = createServiceAgents()
  const tokens = await createIdTokens({state, clock})
  const pubsub = stack.use(createPubsub({metrics: NO_METRICS, state, clock, access, agents, tokens}))
  const faults: unknown[] = []
  const server = createServerOf({
    routes: pubsub.routes,
    services: pubsub.services,
    report: (error) => faults.push(error),
  })
  const listener = await server.listen(0, (authorization) =>
    authorization === undefined ? 'owner' : `serviceAccount:${authorization}`,
  )
  stack.defer(() => listener.close())
  const client = new PubSub({apiEndpoint: `127.0.0.1:${listener.port}`, emulatorMode: true, projectId: 'p'})
  stack.defer(() => client.close())
  stack.defer(() => {
    if (faults.length > 0) throw new AggregateError(faults, 'the local cloud reported errors of its own')
  })
  pubsub.start()
  return {
    state,
    access,
    agents,
    tokens,
    pubsub,
    client,
    async call(method, path, body, as) {
      const response = await fetch(`${listener.origin}/v1/projects/p/${path}`, {
        method,
        headers: as === undefined ? {} : {authorization: as},
        ...(body === undefined ? {} : {body: JSON.stringify(body)}),
      })
      const answer: unknown = await response.json()
      return {status: response.status, body: typeof answer === 'object' && answer !== null ? {...answer} : {}}
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
