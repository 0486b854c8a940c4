import type {Pipeline} from '../settings/pipeline.ts'
import type {Cloud} from './cloud.ts'
import type {ContainerEngine, Images} from './images.ts'
import type {Programs} from './programs.ts'

/** What every action receives. Actions take plain data, return plain data, and print nothing. */
export interface Context {
  readonly pipeline: Pipeline
  readonly cloud: Cloud
  /** Where Dockerfiles are built; it may be unavailable. */
  readonly engine: ContainerEngine
  readonly images: Images
  readonly programs: Programs
  /** Absolute path of the `.cloud-runner` folder: locks, and records of fetched results. */
  readonly stateFolder: string
  /** Aborted when the user interrupts; actions then throw AppError `interrupted` or the signal's reason. */
  readonly signal: AbortSignal
  /** Reports the current step, in a few words, for a progress display. */
  readonly step: (text: string) => void
}
