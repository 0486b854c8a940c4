import type {Pipeline} from '../pipeline/pipeline.ts'
import type {Cloud} from './cloud.ts'
import type {ContainerEngine} from './images.ts'

/** What every action is given. Actions take plain data, return plain data, and print nothing. */
export interface Context {
  readonly pipeline: Pipeline
  readonly cloud: Cloud
  /** Where a Dockerfile is built; it need not be there. */
  readonly engine: ContainerEngine
  /** Absolute path of the `.cloud-runner` folder: locks and records of what was fetched. */
  readonly stateFolder: string
  /** Aborted when the user interrupts; actions then throw AppError `interrupted` or the signal's reason. */
  readonly signal: AbortSignal
  /** Says what is being done now, in a few words, for a progress display. */
  readonly step: (text: string) => void
}
