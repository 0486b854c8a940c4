import {RESULT_METADATA, WORKER_ENVIRONMENT, type Provenance} from '../contract.ts'
import type {Committed} from './commit-state.ts'
import type {Environment} from './settings.ts'
import type {ObjectMetadata} from './storage/index.ts'
import {VERSION} from './version.ts'

/** What runs: a revision of the service, or an execution of the job. */
export type Origin = Pick<Provenance, 'revision' | 'execution' | 'image'>

/** Longer label columns are left out: all custom metadata of an object has at most 8 KiB. */
const LONGEST_FACT_BYTES = 1024

/** Whether this worker is an execution of the job: it finds its image in the `job.json` of the file. */
export function isExecution(environment: Environment): boolean {
  return environment['CLOUD_RUN_JOB'] !== undefined
}

/** @param mark the file's `job.json`, for an execution of the job */
export function originOf(environment: Environment, mark: Committed | undefined): Origin {
  const revision = environment['K_REVISION'] ?? null
  if (!isExecution(environment))
    return {revision, execution: null, image: environment[WORKER_ENVIRONMENT.imageDigest] || null}
  const execution = environment['CLOUD_RUN_EXECUTION'] ?? null
  const isOurs = mark !== undefined && mark.metadata[RESULT_METADATA.execution] === execution
  return {revision, execution, image: (isOurs ? mark.metadata[RESULT_METADATA.image] : undefined) ?? null}
}

/** Custom metadata that names the origin of everything a run writes. */
export function originMetadata({revision, execution, image}: Origin): Record<string, string> {
  return {
    ...(revision === null ? {} : {[RESULT_METADATA.revision]: revision}),
    ...(execution === null ? {} : {[RESULT_METADATA.execution]: execution}),
    ...(image === null ? {} : {[RESULT_METADATA.image]: image}),
  }
}

/** The `run` of a sidecar. */
export function provenanceOf(
  origin: Origin,
  {generation, sizeBytes, crc32c}: ObjectMetadata,
  date: Date,
): Provenance {
  return {
    date: date.toISOString(),
    ...origin,
    worker: VERSION,
    input: {generation, sizeBytes, crc32c: crc32c ?? null},
  }
}

/** Custom metadata of a `report.json`: what a list of runs shows of it, so that it need not be downloaded. */
export function reportMetadata(report: object): Record<string, string> {
  const {label, metrics, model}: {label?: unknown; metrics?: unknown; model?: unknown} = report
  const {column}: {column?: unknown} = Object(label)
  const {auc}: {auc?: unknown} = Object(metrics)
  const {pretrained}: {pretrained?: unknown} = Object(model)
  const {uri}: {uri?: unknown} = Object(pretrained)
  const isFact = (value: unknown): value is string =>
    typeof value === 'string' && Buffer.byteLength(value) <= LONGEST_FACT_BYTES
  return {
    ...(isFact(column) ? {[RESULT_METADATA.labelColumn]: column} : {}),
    ...(typeof auc === 'number' ? {[RESULT_METADATA.auc]: String(auc)} : {}),
    ...(isFact(uri) ? {[RESULT_METADATA.model]: uri} : {}),
  }
}
