/**
 * The worker's published contract: what the CLI may rely on in the objects that a worker writes, and what a
 * worker in any language keeps to. Types and names only; the one file that both `worker/` and `src/` read.
 */

/** Objects under this prefix belong to cloud-runner: sidecars and canaries. Never input, never listed. */
export const RESERVED_PREFIX = '_cloud-runner/'

/** An object under this prefix in the input bucket is the canary of `setup` and `deploy`. */
export const CANARY_PREFIX = '_cloud-runner/canary/'

/** A sidecar's file name, beside the result, below `_cloud-runner/<object>/`. */
export type Sidecar = 'report.json' | 'error.json' | 'model.json'

/** Names of the custom metadata that a worker writes on a result and on an `error.json`. All values are text. */
export const RESULT_METADATA = {
  /** Generation of the input object that this was made from. */
  sourceGeneration: 'source-generation',
  /** Delivery attempt that made it, counted from 1. */
  attempt: 'attempt',
  messageId: 'message-id',
  /** RFC 3339 times: when the notification was published, when the worker began, when it was done. */
  published: 'published',
  started: 'started',
  finished: 'finished',
  /** Present where a person asked for this file to be processed again (`reprocess`). */
  reprocessId: 'reprocess-id',
} as const

/** Custom metadata on an input object that changes how it is processed. */
export const INPUT_METADATA = {labelColumn: 'label-column'} as const

/** Labels of every log line about a file; `logs OBJECT` filters on them. */
export const LOG_LABELS = {
  bucket: 'bucket',
  object: 'object',
  generation: 'generation',
  messageId: 'message-id',
  attempt: 'attempt',
} as const

/** Environment of a worker, set by the pipeline. */
export const WORKER_ENVIRONMENT = {
  inputBucket: 'INPUT_BUCKET',
  outputBucket: 'OUTPUT_BUCKET',
  /** The pipeline's label column, where one is set. */
  labelColumn: 'LABEL_COLUMN',
  /** Seconds that one delivery may take; the worker stops itself a little before. */
  deadlineSeconds: 'DEADLINE_SECONDS',
} as const

/** Content of `error.json`: a permanent fault of one file. */
export interface ErrorReport {
  /** Kebab-case, stable: `not-csv`, `label-column-missing` … */
  code: string
  /** One sentence for people: what is wrong. */
  message: string
  /** Where: the line in the file counted from 1, the column counted from 1 or its name. */
  line?: number
  column?: number | string
  /** What to do next, one sentence each. */
  suggestions: string[]
  object: string
  generation: string
}

/** Content of `report.json`. */
export interface Report {
  object: string
  generation: string
  rows: {total: number; labelled: number; predicted: number}
  label: {column: string; classes: {name: string; rows: number}[]; chosenBy: 'object' | 'pipeline' | 'last-column'}
  /** Out-of-fold figures on the labelled rows; `auc` is one-vs-rest averaged where there are more than two classes. */
  metrics: {
    folds: number
    auc: number | null
    logLoss: number
    brier: number
    accuracy: number
    baseRate: number
  }
  /** One per column of the design matrix, in the input's own units; per class where there are more than two. */
  coefficients: {class: string; intercept: number; terms: {column: string; level?: string; kind: 'numeric' | 'missing' | 'category'; value: number}[]}[]
  leftOut: {column: string; reason: 'identifier' | 'constant' | 'empty' | 'date' | 'free-text'}[]
  assumptions: string[]
  warnings: string[]
  model: {form: 'ml-logistic-regression'; penalty: {l2: 1}; iterations: number; converged: boolean}
  timings: {readMs: number; fitMs: number; predictMs: number; writeMs: number}
}
