import {NO_METRICS} from '../../support/no-metrics.ts'
import {ExecutionsClient, JobsClient, RevisionsClient, ServicesClient, TasksClient} from '@google-cloud/run'
import {SecretManagerServiceClient} from '@google-cloud/secret-manager'
import {credentials} from '@grpc/grpc-js'
import {onTestFinished} from 'vitest'
import {createArtifactRegistry, registrySchema} from '../../../src/local-cloud/artifact-registry/index.ts'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import type {AccessControl, IdTokens} from '../../../src/local-cloud/iam/access.ts'
import {createIdTokens} from '../../../src/local-cloud/iam/id-tokens.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {createServiceAgents} from '../../../src/local-cloud/iam/service-agents.ts'
import type {LogEntry} from '../../../src/local-cloud/logging/log-sink.ts'
import {createRun, type Run, runSchema} from '../../../src/local-cloud/run/index.ts'
import {createSecretManager, secretManagerSchema} from '../../../src/local-cloud/secret-manager/index.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {createPorts, portsSchema} from '../../../src/local-cloud/state/listening-ports.ts'
import type {Principal} from '../../../src/local-cloud/wire/call.ts'
import {type Clock, systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {createFaultPlan, type FaultPlan} from '../../../src/local-cloud/wire/faults.ts'
import {createOperations} from '../../../src/local-cloud/operations/operations.ts'
import {operationsSchema} from '../../../src/local-cloud/operations/schema.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {buildImage, type ImageFiles, pushImage} from '../../support/oci-image.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

export const LOCATION = 'projects/p/locations/europe-west3'
export const INVOKER = 'push@p.iam.gserviceaccount.com'

export interface LocalRun {
  readonly origin: string
  readonly run: Run
  readonly access: AccessControl
  readonly tokens: IdTokens
  readonly entries: LogEntry[]
  readonly services: ServicesClient
  readonly revisions: RevisionsClient
  readonly jobs: JobsClient
  readonly executions: ExecutionsClient
  readonly tasks: TasksClient
  readonly secrets: SecretManagerServiceClient
  /** Pushes an image. @returns its reference by digest */
  readonly push: (image: ImageFiles, name?: string) => Promise<string>
  /** Creates a service that everybody may call, and waits until it is ready. @returns its address */
  readonly deploy: (id: string, template: object, besides?: object) => Promise<string>
  /** Calls the same APIs as somebody else than the owner. */
  readonly as: <T>(principal: Principal, call: (origin: string) => Promise<T>) => Promise<T>
  readonly folder: string
  /** What goes wrong on purpose with requests to services. */
  readonly faults: FaultPlan
  /** Ends it as a stop of the local cloud does. */
  readonly stop: () => Promise<void>
}

/** Cloud Run and Artifact Registry over a state folder, for Google's clients; ends with the test. */
export async function startRun({
  clock = systemClock,
  folder: given,
  idleMs,
}: {clock?: Clock; folder?: string; idleMs?: number} = {}): Promise<LocalRun> {
  const folder = given ?? (await temporaryFolder())
  const stack = new AsyncDisposableStack()
  onTestFinished(() => stack.disposeAsync())
  const state = stack.use(
    await openState({
      folder,
      schemas: [iamSchema, operationsSchema, registrySchema, runSchema, portsSchema, secretManagerSchema],
    }),
  )
  const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
  const tokens = await createIdTokens({state, clock})
  const operations = createOperations({state, clock, access})
  const registry = createArtifactRegistry({state, clock, access, operations})
  const agents = createServiceAgents()
  const secrets = stack.use(createSecretManager({state, clock, access, agents}))
  const entries: LogEntry[] = []
  const faults = createFaultPlan({clock})
  const report = (error: unknown): void => {
    throw error
  }
  const run = stack.use(
    createRun({
      metrics: NO_METRICS,
      state,
      ports: createPorts(state),
      clock,
      access,
      tokens,
      images: registry.images,
      registry: () => new URL(listener.origin).host,
      log: {append: (appended) => void entries.push(...appended)},
      secrets: secrets.values,
      agents,
      identity: {
        open: async ({serviceAccount}) => ({
          origin: `http://${serviceAccount.split('@')[0]}.test:1`,
          metadataHost: '127.0.0.1:1',
          close: async () => undefined,
        }),
      },
      operations,
      faults,
      report,
      ...(idleMs === undefined ? {} : {idleMs}),
    }),
  )
  await run.start()
  const server = createServerOf({
    routes: [...registry.routes, ...operations.routes, ...run.routes],
    services: [...run.services, ...operations.services, ...secrets.services],
    report,
  })
  const listener = await server.listen(0, () => 'owner')
  stack.defer(() => listener.close())
  const options = {
    apiEndpoint: '127.0.0.1',
    port: listener.port,
    sslCreds: credentials.createInsecure(),
    projectId: 'p',
  }
  const services = new ServicesClient(options)
  const revisions = new RevisionsClient(options)
  const jobs = new JobsClient(options)
  const executions = new ExecutionsClient(options)
  const tasks = new TasksClient(options)
  const secretClient = new SecretManagerServiceClient(options)
  stack.defer(async () => {
    await Promise.all(
      [services, revisions, jobs, executions, tasks, secretClient].map((client) => client.close()),
    )
  })
  if (given === undefined) {
    const response = await fetch(`${listener.origin}/v1/${LOCATION}/repositories?repository_id=r`, {
      method: 'POST',
      body: JSON.stringify({format: 'DOCKER'}),
    })
    if (!response.ok) throw new Error(await response.text())
  }
  return {
    origin: listener.origin,
    run,
    access,
    tokens,
    entries,
    services,
    revisions,
    jobs,
    executions,
    tasks,
    secrets: secretClient,
    faults,
    folder,
    async as(principal, call) {
      const other = await server.listen(0, () => principal)
      try {
        return await call(other.origin)
      } finally {
        await other.close()
      }
    },
    push: async (image, name = 'worker') =>
      pushImage(listener.origin, `p/r/${name}`, await buildImage(image)),
    async deploy(id, template, besides = {}) {
      const [operation] = await services.createService({
        parent: LOCATION,
        serviceId: id,
        service: {template, invokerIamDisabled: true, ...besides},
      })
      const [service] = await operation.promise()
      return service.uri ?? ''
    },
    stop: () => stack.disposeAsync(),
  }
}

/** A worker that reports what it was started with; `GET /slow` answers after `POST /go`. */
export const ECHO = {
  'app/main.js': `
    const http = require('node:http')
    const waiting = []
    process.on('SIGTERM', () => { console.log('SIGTERM seen'); setTimeout(() => process.exit(0), waiting.length ? 300 : 0) })
    http.createServer((request, response) => {
      if (request.url === '/crash') process.exit(3)
      if (request.url === '/slow') return void waiting.push(response)
      if (request.url === '/go') { for (const held of waiting.splice(0)) held.end('slow ' + process.pid); return void response.end('gone') }
      const chunks = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({pid: process.pid, env: process.env, argv: process.argv.slice(2), cwd: process.cwd(), url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString()}))
      })
    }).listen(Number(process.env.PORT), () => console.log(JSON.stringify({severity: 'notice', message: 'listening', 'logging.googleapis.com/labels': {part: 'start'}, more: 1})))
  `,
}
