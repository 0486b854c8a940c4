import type {Cloud} from '../core/ports/cloud.ts'
import {createApiOff} from './api-off.ts'
import {authorizer} from './connection.ts'
import {createBuilds} from './builds.ts'
import {createBuckets, type Buckets} from './infrastructure/buckets.ts'
import {createDirectInfrastructure} from './infrastructure/direct.ts'
import {createJobs} from './jobs.ts'
import {createLogSource} from './logs.ts'
import {createMessages} from './messages.ts'
import {createObjectStore} from './objects.ts'
import {createProject} from './project.ts'
import {createRest} from './rest.ts'
import {createSecrets} from './secrets.ts'
import {createServices} from './services.ts'

export interface GoogleCloudOptions {
  readonly projectId: string
  readonly region: string
  /** Origin of the local cloud, e.g. `http://127.0.0.1:4510`; absent: Google, with Application Default Credentials. */
  readonly endpoint?: string
}

/** The ports, and what else the same connection offers. */
export interface GoogleCloud extends Cloud {
  readonly buckets: Buckets
}

/** The ports over Google's client libraries, each loaded on first use, and over REST for what only reads. */
export function createGoogleCloud({projectId, region, endpoint}: GoogleCloudOptions): GoogleCloud {
  const connection = {projectId, region, endpoint}
  const rest = createRest(connection)
  const messages = createMessages(connection, rest)
  const isOffHere = createApiOff(projectId, rest)
  const objects = createObjectStore(connection, rest)
  const project = createProject(connection, rest)
  const services = createServices(connection, rest, isOffHere)
  const jobs = createJobs(connection, rest)
  const logs = createLogSource(connection, rest)
  const direct = createDirectInfrastructure(rest, isOffHere)
  return {
    isLocal: endpoint !== undefined,
    objects,
    messages,
    services,
    jobs,
    logs,
    infrastructure: direct,
    inspection: direct,
    project,
    builds: createBuilds({projectId, region, rest, objects, project}),
    secrets: createSecrets(connection, rest),
    buckets: createBuckets(rest),
    registry: {
      origin: endpoint ?? `https://${region}-docker.pkg.dev`,
      authorization: authorizer(connection),
    },
    async close() {
      await Promise.all([messages.close(), services.close(), jobs.close(), logs.close()])
    },
  }
}
