import {createHash} from 'node:crypto'

/**
 * The worker's published contract: what the CLI may rely on in the objects that a worker writes, and what a
 * worker in any language keeps to. Types and names only; the one file that both `worker/` and `src/` read.
 */

/** Objects under this prefix belong to cloud-runner: sidecars and canaries. Never input, never listed. */
export const RESERVED_PREFIX = '_cloud-runner/'

/** An object under this prefix in the input bucket is the canary of `setup` and `deploy`. */
export const CANARY_PREFIX = '_cloud-runner/canary/'

/** A sidecar's file name, beside the result, below `_cloud-runner/<object>/`. */
export type Sidecar = 'report.json' | 'error.json' | 'model.json' | 'job.json'

/** Object names end at 1,024 bytes (cloud.google.com/storage/docs/objects#naming), and a sidecar's is longer. */
const LONGEST_NAME_IN_SIDECAR_BYTES = 900

/**
 * Name of an object's sidecar in the output bucket: `_cloud-runner/<object>/<sidecar>`; an object name of more than
 * 900 bytes is stood for by its SHA-256 in hexadecimal.
 */
export function sidecarObject(object: string, sidecar: Sidecar): string {
  const stem =
    Buffer.byteLength(object) > LONGEST_NAME_IN_SIDECAR_BYTES
      ? createHash('sha256').update(object).digest('hex')
      : object
  return `${RESERVED_PREFIX}${stem}/${sidecar}`
}

/**
 * Names of the custom metadata that a worker writes on a result and on each sidecar. All values are text. When it was
 * done is the object's own `timeCreated`: Cloud Storage sets it at the moment the bytes become visible.
 *
 * An object's outcome is in its result and its `error.json`: the one with the larger source generation
 * counts, and where both are of the same generation the one created later. A generation that failed leaves the
 * result of the generation before it in place, with that generation's number on it.
 */
export const RESULT_METADATA = {
  /** Generation of the input object that this was made from. */
  sourceGeneration: 'source-generation',
  /** Delivery attempt that made it, counted from 1. */
  attempt: 'attempt',
  messageId: 'message-id',
  /** RFC 3339 times: when the notification was published, when the worker began. */
  published: 'published',
  started: 'started',
  /**
   * Present where a person asked for this file to be processed again (`reprocess`): the value of the attribute of
   * the same name on the notification that asked. Opaque; another value is another request.
   */
  reprocessId: 'reprocess-id',
  /** On `job.json` alone: id of the execution that has the file in hand; absent while it is being started. */
  execution: 'execution',
  /**
   * On an `error.json` alone, with the value `true`: `cancel` wrote it. It counts for deliveries whose notification was
   * published before it, for those that are in progress too; a later request to process the file runs. A result of the
   * same generation outranks it.
   */
  cancelled: 'cancelled',
} as const

/** What a worker writes under the canary's own name in the output bucket. Remove the canary first, then this. */
export interface CanaryAnswer {
  object: string
  generation: string
  /** Name of the processor that would have been given a file. */
  processor: string
  /** `K_REVISION`, where the container has one. */
  revision: string | null
}

/** What became of a delivery: the field `outcome` of its last log line. All but `refused` are acknowledged. */
export type Outcome =
  | 'done'
  | 'failed'
  /** `cancel` was asked for this file. */
  | 'cancelled'
  | 'duplicate'
  | 'superseded'
  | 'gone'
  | 'skipped'
  | 'canary'
  /** A job has it in hand now; that job's lines say what became of it. */
  | 'handed-over'
  | 'malformed'
  | 'refused'

/** Message of the log line with which a worker begins with a file. */
export const BEGUN = 'processing'

/** Fields of the log line whose `outcome` is `done`. Times are RFC 3339. */
export interface DoneFields {
  outcome: 'done'
  processor: string
  publishedAt: string
  startedAt: string
  finishedAt: string
  /** Published to started, started to the process's end, that to the result being visible, and all of it. */
  waitMs: number
  processMs: number
  writeMs: number
  totalMs: number
  inputBytes: number
  resultBytes: number
  /** From `report.json`, where the process wrote one with rows. */
  rows?: unknown
}

/** Custom metadata on an input object that changes how it is processed. */
export const INPUT_METADATA = {
  labelColumn: 'label-column',
  /** `gs://bucket/object` or `gs://bucket/object#generation` of a model that was trained before. */
  model: 'model',
} as const

/** Models that come with an upload are put here in the input bucket, by the SHA-256 of their bytes: `<sha256>.json`. */
export const MODELS_PREFIX = '_cloud-runner/models/'

/** Labels of every log line about a file; `logs OBJECT` filters on them. */
export const LOG_LABELS = {
  bucket: 'bucket',
  object: 'object',
  generation: 'generation',
  messageId: 'message-id',
  attempt: 'attempt',
} as const

/** Environment of a worker, set by the pipeline or by what runs the container. */
export const WORKER_ENVIRONMENT = {
  /** Address to listen on; all interfaces if it is not set. The local cloud sets 127.0.0.1. */
  host: 'HOST',
  /**
   * What every request of the front end carries in the header `x-front-end-secret`; others get a 403. Not set on Cloud
   * Run, whose containers nobody else reaches.
   */
  frontEndSecret: 'FRONT_END_SECRET',
  /**
   * Port on which `GET /healthz` answers, for a liveness probe, whatever the event loop does: 503 once it is blocked
   * past a delivery's deadline. Not set: nothing listens.
   */
  healthPort: 'HEALTH_PORT',
  inputBucket: 'INPUT_BUCKET',
  outputBucket: 'OUTPUT_BUCKET',
  /** The pipeline's label column, where one is set. */
  labelColumn: 'LABEL_COLUMN',
  /**
   * The pipeline's model, where one is set: `gs://bucket/object` or `gs://bucket/object#generation`. Files whose own
   * metadata names a model or a label column are not scored by it.
   */
  model: 'MODEL',
  /** The container's memory, as `1Gi` or in bytes; to be set where the system does not limit it. */
  memoryLimit: 'MEMORY_LIMIT',
  /** Seconds that one delivery may take; the worker stops itself a little before. */
  deadlineSeconds: 'DEADLINE_SECONDS',
  /** Full name of the job that long work is handed over to: `projects/P/locations/R/jobs/J`. None: nothing is. */
  job: 'JOB',
  /** Files of this size or more go to the job at once, e.g. `256Mi`; others when they take, or would take, too long. */
  jobThreshold: 'JOB_THRESHOLD',
  /** Of an execution of the job: the delivery that it was handed, as JSON. */
  delivery: 'DELIVERY',
} as const

/** Content of `job.json`: this generation was handed over to a job. */
export interface HandOver {
  object: string
  generation: string
  /** Id of the execution; null while it is being started. */
  execution: string | null
  /** Why: its size, the time that it would take at the pace of files before it, or that its delivery's was over. */
  reason: 'size' | 'prediction' | 'deadline'
}

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

/** The two ends of a 95 % confidence interval. */
export type Interval = [low: number, high: number]

/** A share with its (Wilson's) interval; both null where it is a share of nothing. */
export interface Share {
  value: number | null
  interval: Interval | null
}

/** Content of `report.json`; the same as JSON Schema: `worker/report.schema.json`. */
export interface Report {
  format: 'cloud-runner/report'
  /** Fields may be added within a version; it rises where one goes or comes to mean something else. */
  version: 1
  object: string
  generation: string
  rows: {total: number; labelled: number; predicted: number}
  label: {
    column: string
    classes: {name: string; rows: number}[]
    chosenBy: 'object' | 'pipeline' | 'last-column' | 'model'
  }
  /**
   * Figures on the labelled rows: out of fold, or of a pre-trained model, which has no folds. `auc` is one-vs-rest
   * averaged where there are more than two classes, `baseRate` the share of the largest class. Null where no row could
   * be judged.
   */
  metrics: {
    folds: number
    auc: number | null
    logLoss: number | null
    brier: number | null
    accuracy: number | null
    baseRate: number | null
    /** How far chance alone may have moved each; `auc` for two classes only. */
    intervals: {
      auc: Interval | null
      logLoss: Interval | null
      brier: Interval | null
      accuracy: Interval | null
    }
  }
  /** Of the judged rows: `precision` of those that were given the class, `recall` of those that have it. */
  classes: {class: string; rows: number; predicted: number; precision: Share; recall: Share}[]
  /** Judged rows by class: a row for each true class, in it a number for each predicted one. */
  confusion: number[][]
  /** For the last of two classes, for each of more; not for one of which, or beside which, no row was judged. */
  curves: Curves[]
  /**
   * One per column of the design matrix, in the input's own units; of the last class where there are two, of each
   * where there are more. Standard errors and intervals where there are few enough columns.
   */
  coefficients: {
    class: string
    intercept: number
    standardError?: number
    interval?: Interval
    terms: {
      column: string
      level?: string
      kind: 'numeric' | 'missing' | 'category'
      /** What `value` is the change of the log odds for: one unit of the input, or one of the normal score. */
      unit: 'input' | 'normal-score'
      value: number
      /** The same for one standard deviation of the column, or for a category: to be compared with others. */
      standardized: number
      standardError?: number
      interval?: Interval
      /** Of a column on normal scores: the change of the log odds from its lower to its upper quartile. */
      quartiles?: {from: number; to: number; change: number}
    }[]
  }[]
  /** Columns of numbers that were mapped to a bell shape, with the quartiles that the map puts at -0.67, 0 and 0.67. */
  transforms: {column: string; kind: 'normal-scores'; quartiles: [number, number, number]}[]
  leftOut: {
    column: string
    reason: 'identifier' | 'constant' | 'empty' | 'date' | 'free-text' | 'not-in-model'
  }[]
  assumptions: string[]
  warnings: string[]
  model: {
    form: 'ml-logistic-regression'
    penalty: {l2: 1}
    iterations: number
    converged: boolean
    /** The artifact that was used instead of a fit: where it was read, and the SHA-256 of its bytes. */
    pretrained: {uri: string; sha256: string} | null
  }
  timings: {readMs: number; fitMs: number; predictMs: number; writeMs: number}
}

/** How well one class is distinguished from the others. Points are thinned to about 200, to fewer where there are many classes. */
export interface Curves {
  class: string
  /** False positive rate and true positive rate, from (0, 0) to (1, 1). */
  roc: [number, number][]
  /** Recall and precision, by rising recall. */
  precisionRecall: [number, number][]
  /** Judged rows by rising probability, in up to ten parts of about the same size. */
  calibration: {rows: number; predicted: number; observed: number; interval: Interval}[]
  /** Judged rows by probability, in twenty steps of 0.05: those of the class, and the others. */
  histogram: {own: number[]; others: number[]}
}
