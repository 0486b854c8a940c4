import type {Builds} from './builds.ts'
import type {Registry} from './images.ts'
import type {Infrastructure, Inspection} from './infrastructure.ts'
import type {Jobs} from './jobs.ts'
import type {LogSource} from './logs.ts'
import type {Messages} from './messages.ts'
import type {ObjectStore} from './objects.ts'
import type {Project} from './project.ts'
import type {Secrets} from './secrets.ts'
import type {Services} from './services.ts'

/** Everything that a target, local or gcp, offers. */
export interface Cloud {
  /** Whether a local cloud answers, regardless of the target: its images have an empty base, since this machine's Node runs them. */
  readonly isLocal: boolean
  readonly objects: ObjectStore
  readonly messages: Messages
  readonly services: Services
  readonly jobs: Jobs
  readonly logs: LogSource
  readonly infrastructure: Infrastructure
  readonly inspection: Inspection
  readonly project: Project
  readonly registry: Registry
  readonly builds: Builds
  readonly secrets: Secrets
  /** Closes connections; no further calls are allowed. */
  close(): Promise<void>
}
