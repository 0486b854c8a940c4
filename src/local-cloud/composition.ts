import {rm} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {createArtifactRegistry, registrySchema} from './artifact-registry/index.ts'
import {createEnabledApis} from './projects/enabled-apis.ts'
import {createControlPlane} from './projects/index.ts'
import {withinProjects} from './projects/project-guard.ts'
import {createProjects} from './projects/projects.ts'
import {projectsSchema, serviceUsageSchema} from './projects/schema.ts'
import {adminRoutes, type Control, type LocalCloudStatus} from './admin-routes.ts'
import {faultRoutes} from './fault-routes.ts'
import {createAccess} from './iam/access-control.ts'
import {createAccountKeys} from './iam/account-keys.ts'
import {certificateRoutes} from './iam/certificate-routes.ts'
import {createCredentials} from './iam/credentials.ts'
import {createEnforcement, type IamMode} from './iam/enforcement.ts'
import {createIdTokens} from './iam/id-tokens.ts'
import {createKnownAccounts} from './iam/known-accounts.ts'
import {metadataRoutes} from './iam/metadata-server.ts'
import {iamSchema} from './iam/schema.ts'
import {createServiceAccounts} from './iam/service-accounts.ts'
import {createServiceAgents} from './iam/service-agents.ts'
import {createInventory} from './inventory.ts'
import {createLogging, loggingSchema} from './logging/index.ts'
import {createMonitoring, monitoringSchema} from './monitoring/index.ts'
import {createOperations} from './operations/operations.ts'
import {operationsSchema} from './operations/schema.ts'
import {createPubsub, pubsubSchema} from './pubsub/index.ts'
import {createRun, type Identity, runSchema} from './run/index.ts'
import {createSecretManager, secretManagerSchema} from './secret-manager/index.ts'
import {openState} from './state/open.ts'
import {createPorts, listenOn, portsSchema} from './state/listening-ports.ts'
import type {State} from './state/state.ts'
import {createRetryTests, createStorage, storageSchema} from './storage/index.ts'
import {writeWhole} from './whole-file.ts'
import {type BoundAddress, isBearerOf, refuseWithoutToken} from './bound-address.ts'
import type {Principal} from './wire/call.ts'
import {openCertificate} from './wire/certificate.ts'
import {type Clock, systemClock} from './wire/clock.ts'
import type {FaultRule} from './wire/fault-rules.ts'
import {createFaultPlan} from './wire/faults.ts'
import {createOutsideCalls} from './wire/outside-calls.ts'
import {createRequestLog} from './wire/request-log.ts'
import {createServerOf, type Listener} from './wire/server.ts'

export interface LocalCloudOptions {
  /** Folder for everything that survives a restart, created if missing; by default a temporary one, removed at the end. */
  readonly stateFolder?: string
  /** Port to listen on from now on; by default, the one chosen at the first start. */
  readonly port?: number
  readonly clock?: Clock
  /** Ids of the projects that exist from the start; by default, every project exists. */
  readonly projects?: readonly string[]
  /** What happens on a missing grant from now on; by default what was chosen before, initially `enforce`. */
  readonly iam?: IamMode
  /** Faults to inject, from the start. */
  readonly faults?: readonly FaultRule[]
  /** Receives the local cloud's own errors; by default, they are discarded. */
  readonly report?: (error: unknown) => void
  /** Another address to serve, for other machines and containers, to callers with the token alone. */
  readonly bind?: BoundAddress
  /** Called for `POST /_local-cloud/stop`. */
  readonly onStopRequest?: () => void
}

interface CompositionOptions extends LocalCloudOptions {
  readonly stateFolder: string
  readonly control: Control
  /** Ports that it listened on before, by name. */
  readonly ports?: Readonly<Record<string, number>>
}

/** All services on one state folder. */
export interface RunningCloud extends AsyncDisposable {
  /** Origin that serves every API. */
  readonly endpoint: string
  readonly state: State
  readonly ports: Readonly<Record<string, number>>
  readonly status: () => LocalCloudStatus
}

const BOUND = {purpose: 'of --bind', flag: '--bind ADDRESS:PORT'}

type IdentityOf = Parameters<Identity['open']>[0]
type Endpoint = Awaited<ReturnType<Identity['open']>>

const {version}: {version: string} = createRequire(import.meta.url)('cloud-runner/package.json')

/**
 * Starts every service on the state folder and opens its ports; disposing stops them all.
 * @throws if a port or the folder cannot be used
 */
export async function compose({
  stateFolder,
  port,
  clock = systemClock,
  projects: existing,
  iam,
  faults: rules = [],
  report = () => {},
  onStopRequest = () => {},
  bind,
  control,
  ports: {bind: boundBefore = 0, ...before} = {},
}: CompositionOptions): Promise<RunningCloud> {
  await using stack = new AsyncDisposableStack()
  const state = stack.use(
    await openState({
      folder: stateFolder,
      schemas: [
        portsSchema,
        operationsSchema,
        iamSchema,
        registrySchema,
        loggingSchema,
        pubsubSchema,
        storageSchema,
        secretManagerSchema,
        monitoringSchema,
        runSchema,
        serviceUsageSchema,
        projectsSchema,
      ],
    }),
  )
  const ports = createPorts(state)
  const agents = createServiceAgents()
  const projects = createProjects({state, clock, agents, existing})
  const apis = createEnabledApis({state, agents, projects})
  const enforcement = createEnforcement(state)
  if (iam !== undefined) await enforcement.set(iam)
  const requests = createRequestLog(clock)
  const everywhere = createAccess({
    state,
    clock,
    accounts: createKnownAccounts(state),
    mode: () => enforcement.mode(),
    checked: (check) => requests.checked(check),
  })
  const access = withinProjects(everywhere, {projects, apis, agents})
  const outside = createOutsideCalls(clock)
  const tokens = await createIdTokens({state, clock})
  const operations = createOperations({state, clock, access})
  const keys = createAccountKeys({state, clock})
  const credentials = createCredentials({tokens, keys})
  const accounts = createServiceAccounts({state, clock, access, tokens, credentials, keys})
  const logging = stack.use(createLogging({state, clock, access}))
  const monitoring = stack.use(createMonitoring({state, clock, access, agents, log: logging.sink}))
  const pubsub = createPubsub({
    state,
    clock,
    access,
    agents,
    tokens,
    metrics: monitoring.metrics,
    isDebugging: () => run.isDebugging(),
  })
  const faults = createFaultPlan({clock})
  faults.add(rules)
  const retryTests = createRetryTests(faults)
  const storage = stack.use(
    createStorage({
      state,
      clock,
      access,
      agents,
      keys,
      operations,
      publishing: pubsub.publishing,
      retryTests,
      report,
    }),
  )
  const secrets = stack.use(createSecretManager({state, clock, access, agents}))
  const registry = createArtifactRegistry({state, clock, access, operations})
  const run = stack.use(
    createRun({
      state,
      clock,
      access,
      tokens,
      operations,
      ports,
      images: registry.images,
      registry: () => new URL(main?.origin ?? '').host,
      log: logging.sink,
      metrics: monitoring.metrics,
      secrets: secrets.values,
      agents,
      identity: {open: openIdentity},
      faults,
      report,
    }),
  )
  // Stopped before the instances, so that no delivery meets one that is shutting down.
  stack.use(pubsub)
  const ofImages = new Set(registry.blobIds())
  await state.blobs.sweep((blob) => storage.refersTo(blob) || ofImages.has(blob))

  const inventory = createInventory({state, clock})

  const startedAt = new Date(clock.now()).toISOString()
  let main: Listener | undefined
  let proxy: Listener | undefined
  let bound: Listener | undefined
  let secure = {endpoint: '', certificate: ''}
  const status = (): LocalCloudStatus => ({
    pid: process.pid,
    version,
    endpoint: main?.origin ?? '',
    startedAt,
    time: new Date(clock.now()).toISOString(),
    stateFolder,
    proxy: proxy?.origin ?? '',
    ...(bound === undefined ? {} : {bound: bound.origin}),
    tls: secure,
    instances: run.instances(),
    buckets: storage.bucketCount(),
    ...inventory(),
    faults: faults.list().length,
    iam: enforcement.mode(),
    denials: access.denials(),
    outsideCalls: outside.list(),
  })
  const server = createServerOf({
    services: [
      ...operations.services,
      // Before Pub/Sub, whose IAMPolicy over REST takes `/v1/{resource=**}`.
      ...accounts.services,
      ...secrets.services,
      ...pubsub.services,
      ...run.services,
      ...logging.services,
      ...monitoring.services,
    ],
    routes: [
      ...adminRoutes({status, stop: onStopRequest, enforcement, requests, control}),
      ...faultRoutes(faults),
      ...retryTests.routes,
      ...operations.routes,
      ...accounts.routes,
      ...certificateRoutes(tokens),
      ...registry.routes,
      ...pubsub.routes,
      ...run.routes,
      ...storage.routes,
      ...createControlPlane({access: everywhere, agents, operations, projects, apis}).routes,
    ],
    lastRoutes: storage.objectRoutes,
    report,
    faults,
    requests,
    onOutsideCall: (call) => outside.refused(call),
    hosted: (host) => run.serverOf(host),
  })

  /**
   * Where a revision's instances reach Google: a port on which every caller is the revision's service account, and
   * the metadata server that issues its tokens.
   */
  async function openIdentity({serviceAccount, project, region}: IdentityOf): Promise<Endpoint> {
    const api = await server.listen(
      0,
      (authorization) => credentials.principalOf(authorization) ?? `serviceAccount:${serviceAccount}`,
    )
    const projectNumber = agents.projectNumber(project)
    const metadata = await createServerOf({
      routes: metadataRoutes({serviceAccount, project, projectNumber, region}, {credentials, tokens}),
      services: [],
      report,
      faults,
    }).listen(0, () => `serviceAccount:${serviceAccount}`)
    return {
      origin: api.origin,
      metadataHost: `127.0.0.1:${metadata.port}`,
      close: async () => {
        await Promise.all([api.close(), metadata.close()])
      },
    }
  }
  const ownerUnlessToken = (authorization: string | undefined): Principal =>
    credentials.principalOf(authorization) ?? 'owner'

  const wanted = Object.entries(port === undefined ? before : {...before, main: port})
  if (wanted.length > 0) await state.write(() => wanted.forEach(([name, each]) => ports.assign(name, each)))
  main = await ports.claim('main', 'of the local cloud', (free) => server.listen(free, ownerUnlessToken))
  const listener = main
  stack.defer(() => listener.close())
  if (bind !== undefined) {
    const {host, port: boundPort, token} = bind
    const identify = (authorization: string | undefined): Principal => {
      const account = credentials.principalOf(authorization)
      if (account === undefined && !isBearerOf(token, authorization)) throw refuseWithoutToken()
      return account ?? 'owner'
    }
    const beyond = await listenOn(boundPort === 0 ? boundBefore : boundPort, BOUND, (wish) =>
      server.listenBeyond(host, wish, identify),
    )
    bound = beyond
    stack.defer(() => beyond.close())
  }
  proxy = await ports.claim('proxy', 'of its forward proxy', (free) =>
    server.listenAsProxy(free, ownerUnlessToken),
  )
  const forward = proxy
  stack.defer(() => forward.close())
  const certificate = await openCertificate(stateFolder, clock)
  const tls = await ports.claim('tls', 'of the local cloud, over TLS', (free) =>
    server.listenTls(free, ownerUnlessToken, certificate),
  )
  secure = {endpoint: tls.origin, certificate: certificate.path}
  stack.defer(() => tls.close())
  await run.start()
  pubsub.start()
  storage.start(main.origin)

  const record = join(stateFolder, 'server.json')
  await writeWhole(
    record,
    JSON.stringify({pid: process.pid, endpoint: main.origin, proxy: proxy.origin, version, startedAt}),
  )
  stack.defer(() => rm(record, {force: true}))
  stack.defer(() => state.giveUpWaiting())
  const resources = stack.move()
  return {
    endpoint: main.origin,
    state,
    ports: {
      main: main.port,
      proxy: proxy.port,
      tls: tls.port,
      ...(bound === undefined ? {} : {bind: bound.port}),
    },
    status,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
