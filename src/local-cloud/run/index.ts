import type {Server} from 'node:http'
import type {Images} from '../artifact-registry/images.ts'
import type {AccessControl, IdTokens, ServiceAgents} from '../iam/access.ts'
import {createRuntimes} from '../instances/runtimes.ts'
import type {LogSink} from '../logging/log-sink.ts'
import type {MetricSink} from '../monitoring/metrics.ts'
import type {SecretValues} from '../secret-manager/secret-values.ts'
import type {Operations} from '../operations/operations.ts'
import type {Ports} from '../state/listening-ports.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {FaultPlan} from '../wire/faults.ts'
import type {Route} from '../wire/routes.ts'
import type {RpcService} from '../wire/rpc.ts'
import {createAddresses} from './serving/addresses.ts'
import {createDeployment, servingRevisions} from './services/deployment.ts'
import {createFleet, type ListedInstance} from './capacity/fleet.ts'
import {createExecutions} from './jobs/executions.ts'
import {createExecutor} from './jobs/executor.ts'
import {createJobs} from './jobs/jobs.ts'
import {createJobReconciliation} from './jobs/reconciliation.ts'
import {createJobStore} from './jobs/store.ts'
import {createKnative} from './knative/index.ts'
import {createKnativeJobs} from './knative/jobs.ts'
import {createLauncher, type Identity} from './capacity/launcher.ts'
import {createRevisions} from './services/revisions.ts'
import {createServices} from './services/services.ts'
import {createRunStore} from './store.ts'

export type {ListedInstance} from './capacity/fleet.ts'
export type {Identity} from './capacity/launcher.ts'
export {runSchema} from './schema.ts'

export interface RunDependencies {
  readonly state: State
  readonly ports: Ports
  readonly clock: Clock
  readonly access: AccessControl
  readonly tokens: Pick<IdTokens, 'verify'>
  readonly images: Images
  /** `127.0.0.1:PORT` of the registry that container engines pull from; known when the first one starts. */
  readonly registry: () => string
  readonly log: LogSink
  readonly metrics: Pick<MetricSink, 'executionFailed'>
  /** For variables that come from Secret Manager. */
  readonly secrets: SecretValues
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly identity: Identity
  readonly operations: Operations
  /** Faults to inject into requests to services. */
  readonly faults?: FaultPlan
  /** Receives the local cloud's own errors; by default, they are discarded. */
  readonly report?: (error: unknown) => void
  /** After this time without a request an instance is stopped. Google waits up to 15 minutes. */
  readonly idleMs?: number
}

export interface Run extends AsyncDisposable {
  readonly services: RpcService[]
  readonly routes: Route[]
  /** Opens the services' addresses and resumes what a stop interrupted. @throws PortTakenError */
  start(): Promise<void>
  instances(): ListedInstance[]
  /** Who answers for a host that Cloud Run would give a service here. */
  serverOf(host: string): Server | undefined
  /** Whether a debugger may pause any of them. */
  isDebugging(): boolean
  /** Accepts no more requests and ends the instances; requests in progress have ten seconds to finish. */
  drain(): Promise<void>
}

const IDLE_MS = 60_000

/** Cloud Run: services, revisions, jobs and executions of the Admin API v2, and their instances. */
export function createRun({
  state,
  ports,
  clock,
  access,
  tokens,
  images,
  registry,
  log,
  metrics,
  secrets,
  agents,
  identity,
  operations,
  faults,
  report = () => undefined,
  idleMs = IDLE_MS,
}: RunDependencies): Run {
  const store = createRunStore({state})
  const runtime = createRuntimes({stateFolder: state.folder, images, registry, clock})
  const launcher = createLauncher({clock, log, secrets, agents, identity, runtime})
  const fleet = createFleet({clock, log, launcher, store, idleMs})
  const addresses = createAddresses({ports, agents, clock, access, tokens, log, store, fleet, faults, report})
  const deployment = createDeployment({state, clock, images, store, fleet, addresses})
  const jobStore = createJobStore(state)
  const executor = createExecutor({state, clock, launcher, log, metrics, store: jobStore})
  const reconciliation = createJobReconciliation({state, clock, images, launcher, store: jobStore, executor})
  const shared = {state, clock, access, operations, store: jobStore, executor}
  const jobs = createJobs({...shared, agents, reconciliation})
  const {executions, tasks} = createExecutions(shared)
  const neededImages = (): Set<string> => new Set([...store.imageDigests(), ...jobStore.imageDigests()])
  const drain = async (): Promise<void> => {
    await Promise.all([fleet.drain(), executor.drain()])
    await launcher.close()
    await operations.settled()
    await runtime.close(neededImages())
  }
  const services = createServices({
    state,
    clock,
    access,
    agents,
    operations,
    store,
    deployment,
    fleet,
    addresses,
  })
  const revisions = createRevisions({state, clock, access, operations, store, fleet})
  return {
    services: [services, revisions, jobs, executions, tasks],
    routes: [
      ...createKnative({access, store, services: services.unary, revisions: revisions.unary}),
      ...createKnativeJobs({access, store: jobStore, jobs: jobs.unary, executions: executions.unary}),
    ],
    async start() {
      await state.write(() => jobStore.removeOrphans())
      await runtime.removeLeftovers(neededImages())
      for (const {name, spec, status} of store.allServices()) {
        await addresses.open(name, '')
        for (const {tag = ''} of status.trafficStatuses ?? []) if (tag !== '') await addresses.open(name, tag)
        // The service's condition reports its failure.
        if (status.reconciling === true) deployment.reconcile(name).catch(() => undefined)
        else fleet.serve(name, servingRevisions(name, status), spec.scaling)
      }
      for (const {name, status} of jobStore.allJobs())
        if (status.reconciling === true) reconciliation.reconcile(name).catch(() => undefined)
      for (const {execution, operation} of jobStore.unfinishedExecutions())
        await operations.resume(operation, () => executor.run(execution.name))
    },
    instances: () => fleet.list(),
    serverOf: (host) => addresses.serverOf(host),
    isDebugging: () => fleet.isDebugging(),
    drain,
    async [Symbol.asyncDispose]() {
      await drain()
      await addresses.close()
    },
  }
}
