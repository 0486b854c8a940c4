import {createHash} from 'node:crypto'
import type {ModelOptions} from './model-options.ts'

/**
 * The worker's published contract: what the CLI may rely on in the objects that a worker writes, and what a worker in
 * any language must follow. Types and names; what they say together is in `outcome.ts`.
 */

/** Objects under this prefix belong to cloud-runner: sidecars and canaries. Never input, never listed. */
export const RESERVED_PREFIX = '_cloud-runner/'

/** An object under this prefix in the input bucket is the canary of `setup` and `deploy`. */
export const CANARY_PREFIX = '_cloud-runner/canary/'

/** Which objects a pipeline processes, by name; an absent part matches all. */
export interface Filter {
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}

/** What happens to an input once its result exists. */
export type Afterwards = 'keep' | 'archive' | 'delete'

/** Where `afterwards: archive` moves inputs, in their own bucket: `archive/<object>`. */
export const ARCHIVE_PREFIX = 'archive/'

/** Whether a pipeline with these settings processes an object of this name. */
export function isWanted(
  object: string,
  {
    filter: {prefix = '', suffix = ''},
    afterwards,
  }: {readonly filter: Filter; readonly afterwards: Afterwards},
): boolean {
  if (afterwards === 'archive' && object.startsWith(ARCHIVE_PREFIX)) return false
  return object.startsWith(prefix) && object.endsWith(suffix)
}

/** A sidecar's file name, beside the result, below `_cloud-runner/<object>/`. */
export type Sidecar = 'report.json' | 'error.json' | 'model.json' | 'job.json' | 'outputs.json'

/**
 * Object names have at most 1,024 bytes (cloud.google.com/storage/docs/objects#naming), and a sidecar's is longer.
 */
const LONGEST_NAME_IN_SIDECAR_BYTES = 900

/**
 * Name of an object's sidecar in the output bucket: `_cloud-runner/<object>/<sidecar>`; an object name of more than
 * 900 bytes is replaced by its SHA-256 in hexadecimal.
 */
export function sidecarObject(object: string, sidecar: Sidecar): string {
  return folderOf(object) + sidecar
}

/**
 * Prefix of the objects by which the tasks of an execution write the result of an object together, in the output
 * bucket: `_cloud-runner/_cloud-runner/parts/<SHA-256 of the object's name>/<execution>/`. No sidecar is below it,
 * since no object under the reserved prefix is processed. They are removed once the file has its result.
 * @param execution its id; empty: of all executions
 */
export function partsPrefix(object: string, execution: string): string {
  const folder = `${RESERVED_PREFIX}${RESERVED_PREFIX}parts/${hashOf(object)}/`
  return execution === '' ? folder : `${folder}${execution}/`
}

function folderOf(object: string): string {
  const stem = Buffer.byteLength(object) > LONGEST_NAME_IN_SIDECAR_BYTES ? hashOf(object) : object
  return `${RESERVED_PREFIX}${stem}/`
}

function hashOf(object: string): string {
  return createHash('sha256').update(object).digest('hex')
}

/**
 * Names of the custom metadata that a worker writes on a result and on each sidecar. All values are text. The time of
 * completion is the object's own `timeCreated`: Cloud Storage sets it when the bytes become visible.
 *
 * An object's outcome is in its result, or the `outputs.json` of several outputs, and its `error.json`: the larger
 * source generation counts; at the same generation, the later creation. A failed generation leaves the previous generation's result in place, marked with
 * that generation's number.
 */
export const RESULT_METADATA = {
  /** Generation of the input object that this was produced from. */
  sourceGeneration: 'source-generation',
  /** Delivery attempt that produced it, counted from 1. */
  attempt: 'attempt',
  /**
   * On each of several outputs and on their `outputs.json`: name of the input. An object under the input's own name
   * that has it is one of several, and no result by itself.
   */
  sourceObject: 'source-object',
  /** On an `outputs.json`: how many outputs it lists, and their bytes in total. */
  outputs: 'outputs',
  outputsSize: 'outputs-size',
  /** On an `outputs.json`, with the value `true`: its outputs are being written, so it does not count as a result. */
  pending: 'pending',
  /** On a result and on each of several outputs: bytes and time of creation (RFC 3339) of that input, which may be gone by now. */
  sourceSize: 'source-size',
  sourceCreated: 'source-created',
  messageId: 'message-id',
  /** RFC 3339 times: when the notification was published, when the worker started. */
  published: 'published',
  started: 'started',
  /**
   * Present if the user requested reprocessing (`reprocess`): the value of the notification's attribute of the same
   * name. Opaque; another value is another request.
   */
  reprocessId: 'reprocess-id',
  /**
   * On `job.json`: id of the execution that processes the file; absent while it is being started. On what an execution
   * writes: its own id.
   */
  execution: 'execution',
  /** On `job.json`: its `reason`, so that a listing knows it. */
  handOver: 'hand-over',
  /** `K_REVISION` of the service that wrote the object; absent outside of Cloud Run. */
  revision: 'revision',
  /** Digest of the worker's image, if the worker knows it: `sha256:…`. */
  image: 'image',
  /** On a `report.json` alone, from its content: the label column, the AUC, and the URI of a pre-trained model. */
  labelColumn: 'label-column',
  auc: 'auc',
  model: 'model',
  /**
   * On an `error.json` alone: `cancel` wrote it. The value is `true` if it stopped a run, and the file's state if the
   * file had ended, so that only requests to process it again are stopped. It applies to deliveries whose notification
   * was published before it, including those in progress; a later request to process the file runs. A result of the
   * same generation outranks it.
   */
  cancelled: 'cancelled',
  /**
   * On an `error.json` alone, added to it by `reprocess`: the id of a request to process the file again that was
   * published since. The file waits until a worker writes another result or error.
   */
  requested: 'requested',
} as const

/** What a worker writes under the canary's own name in the output bucket. Remove the canary first, then this. */
export interface CanaryAnswer {
  object: string
  generation: string
  /** Name of the processor that would have received a file. */
  processor: string
  /** `K_REVISION`, if the container has one. */
  revision: string | null
}

/** How a delivery ended: the field `outcome` of its last log line. All but `refused` are acknowledged. */
export type Outcome =
  | 'done'
  | 'failed'
  /** The user cancelled this file with `cancel`. */
  | 'cancelled'
  | 'duplicate'
  | 'superseded'
  | 'gone'
  | 'skipped'
  | 'canary'
  /** A job processes it now; the job's log lines report the outcome. */
  | 'handed-over'
  | 'malformed'
  | 'refused'

/** Message of the log line that a worker writes when it starts on a file. */
export const BEGUN = 'processing'

/** Fields of the log line whose `outcome` is `done`. Times are RFC 3339. */
export interface DoneFields {
  outcome: 'done'
  processor: string
  publishedAt: string
  startedAt: string
  finishedAt: string
  /** Published to started, started to the end of processing, from there to the visible result, and the total. */
  waitMs: number
  processMs: number
  writeMs: number
  totalMs: number
  inputBytes: number
  /** Of several outputs: their total. */
  resultBytes: number
  /** How many outputs the process named; absent if it wrote one result. */
  outputs?: number
  /** What happened to the input, unless it was kept. */
  input?: 'archived' | 'deleted'
  /** From `report.json`, if the process wrote one with rows. */
  rows?: unknown
}

/** Custom metadata on an input object that changes how it is processed. */
export const INPUT_METADATA = {
  labelColumn: 'label-column',
  /** `gs://bucket/object` or `gs://bucket/object#generation` of a pre-trained model. */
  model: 'model',
  /** JSON: see `MODEL_OPTIONS` in `worker/model-options.ts`. */
  modelOptions: 'model-options',
  /** Population stability index of a column from which a file that is scored with a model is refused. */
  failOnDrift: 'fail-on-drift',
} as const

/**
 * Models sent with an upload are stored here in the input bucket, named by the SHA-256 of their bytes:
 * `<sha256>.json`.
 */
export const MODELS_PREFIX = '_cloud-runner/models/'

/** Labels of every log line about a file; `logs OBJECT` filters on them. */
export const LOG_LABELS = {
  bucket: 'bucket',
  object: 'object',
  generation: 'generation',
  messageId: 'message-id',
  attempt: 'attempt',
  /** Number of the task, from 2 on, that helps the first one of an execution: its end is not the attempt's. */
  task: 'task',
} as const

/** Environment variables of a worker, set by the pipeline or by the container's platform. */
export const WORKER_ENVIRONMENT = {
  /** Address to listen on; all interfaces if not set. The local cloud sets 127.0.0.1. */
  host: 'HOST',
  /**
   * Every request from the front end carries it in the header `x-front-end-secret`; others get a 403. Not set on
   * Cloud Run, where nothing else can reach the container.
   */
  frontEndSecret: 'FRONT_END_SECRET',
  /**
   * Port on which `GET /healthz` answers, for a liveness probe, even if the event loop is blocked: 503 once it is
   * blocked past a delivery's deadline. Not set: nothing listens.
   */
  healthPort: 'HEALTH_PORT',
  inputBucket: 'INPUT_BUCKET',
  outputBucket: 'OUTPUT_BUCKET',
  /** The pipeline's label column, if set. */
  labelColumn: 'LABEL_COLUMN',
  /**
   * The pipeline's model, if set: `gs://bucket/object` or `gs://bucket/object#generation`. Files whose own
   * metadata names a model or a label column are not scored by it.
   */
  model: 'MODEL',
  /** The pipeline's model options, as JSON; a file's own are added to them. */
  modelOptions: 'MODEL_OPTIONS',
  /** The container's memory, as `1Gi` or in bytes; set it if the system does not limit memory. */
  memoryLimit: 'MEMORY_LIMIT',
  /** The container's processors, as `2`; set it if the system does not limit them. */
  cpuLimit: 'CPU_LIMIT',
  /** Seconds that one delivery may take; the worker stops shortly before. */
  deadlineSeconds: 'DEADLINE_SECONDS',
  /**
   * Full name of the job that long work is handed over to: `projects/P/locations/R/jobs/J`. Not set: nothing is
   * handed over.
   */
  job: 'JOB',
  /**
   * Files of this size or more go straight to the job, e.g. `256Mi`; others if they take, or would take, too long.
   */
  jobThreshold: 'JOB_THRESHOLD',
  /** Tasks of an execution that write the result of one file together; not set: one. */
  jobTasks: 'JOB_TASKS',
  /** Only objects whose names start and end so are processed; not set: all. */
  filterPrefix: 'FILTER_PREFIX',
  filterSuffix: 'FILTER_SUFFIX',
  /** `archive` or `delete`: what to do with an input once its result exists; not set: it is kept. */
  afterwards: 'AFTERWARDS',
  /** In an execution of the job: the delivery that was handed over, as JSON. */
  delivery: 'DELIVERY',
  /**
   * Digest of the revision's image, `sha256:…`: a container cannot learn it otherwise. `setup` and `deploy` keep it up
   * to date. An execution of the job finds it in its `job.json`.
   */
  imageDigest: 'IMAGE_DIGEST',
} as const

/** Content of `job.json`: this generation was handed over to a job. */
export interface HandOver {
  object: string
  generation: string
  /** Id of the execution; null while it is being started. */
  execution: string | null
  /** Its size, the time predicted from the pace of earlier files, or its delivery's deadline that passed. */
  reason: 'size' | 'prediction' | 'deadline'
}

/** One of several outputs. */
export interface ListedOutput {
  /** Name in the output bucket. */
  name: string
  contentType: string
  /** In a pending list, only of outputs of an earlier complete run: they stay if the file turns out to be bad. */
  generation?: string
  sizeBytes?: number
}

/**
 * Content of `outputs.json`: the several outputs of one file. It is written twice: marked as pending before the first
 * output, with the names of all that a run may have left; and last, as the commit mark, with those that count.
 */
export interface OutputList {
  object: string
  generation: string
  outputs: ListedOutput[]
}

/** Content of `error.json`: a permanent fault of one file. */
export interface ErrorReport {
  /** Kebab-case, stable: `not-csv`, `label-column-missing` … */
  code: string
  /** One sentence for the user: what is wrong. */
  message: string
  /** Where: the line in the file counted from 1, the column counted from 1 or its name. */
  line?: number
  column?: number | string
  /** What to do next, one sentence each. */
  suggestions: string[]
  object: string
  generation: string
}

/** What produced a sidecar; the runtime adds it to each as `run`. Null where it is unknown. */
export interface Provenance {
  /** RFC 3339: when processing ended. */
  date: string
  /** `K_REVISION` of the service, or id of the job's execution. */
  revision: string | null
  execution: string | null
  /** Digest of the image: `sha256:…`. */
  image: string | null
  /** Version of cloud-runner that the worker's runtime is from. */
  worker: string
  input: {
    generation: string
    sizeBytes: number
    /** Base64 of the big-endian CRC-32C, as Cloud Storage writes it. */
    crc32c: string | null
  }
}

/** The two ends of a 95 % confidence interval. */
export type Interval = [low: number, high: number]

/** A proportion with its Wilson interval; both null if the total is 0. */
export interface Share {
  value: number | null
  interval: Interval | null
}

/** Content of `report.json`; the same as JSON Schema: `worker/report.schema.json`. */
export interface Report {
  format: 'cloud-runner/report'
  /** Fields may be added within a version; it increases if a field is removed or changes its meaning. */
  version: 1
  object: string
  generation: string
  /** Reports of older workers have none. */
  run?: Provenance
  /** `sampled`: rows that memory had room for, if not all; what a model learned from, and is evaluated on. */
  rows: {total: number; labelled: number; predicted: number; sampled?: number}
  label: {
    column: string
    classes: {name: string; rows: number}[]
    chosenBy: 'object' | 'pipeline' | 'last-column' | 'model'
  }
  /**
   * Figures on the labelled rows: out of fold, or of a pre-trained model, which has no folds. `auc` is the
   * one-vs-rest average if there are more than two classes, `baseRate` the share of the largest class. Null if no row
   * could be evaluated.
   */
  metrics: {
    folds: number
    auc: number | null
    logLoss: number | null
    brier: number | null
    accuracy: number | null
    baseRate: number | null
    /** 95 % confidence intervals; `auc` for two classes only. */
    intervals: {
      auc: Interval | null
      logLoss: Interval | null
      brier: Interval | null
      accuracy: Interval | null
    }
  }
  /** Of the evaluated rows: `precision` among those predicted as the class, `recall` among those of the class. */
  classes: {class: string; rows: number; predicted: number; precision: Share; recall: Share}[]
  /** Rows without a label, per class: those predicted as it, and all by its probability in twenty bins of 0.05. */
  predictions?: {class: string; rows: number; histogram: number[]}[]
  /** Evaluated rows: one row per true class, one number per predicted class. */
  confusion: number[][]
  /**
   * For the last of two classes, or for each of more; omitted if no evaluated row has the class, or if all have it.
   */
  curves: Curves[]
  /**
   * One per column of the design matrix, in the input's own units; for the last of two classes, or for each of more.
   * Standard errors and intervals if the columns are few enough.
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
      /** `value` is the change of the log odds per unit of the input, or of the normal score. */
      unit: 'input' | 'normal-score'
      value: number
      /** The same per standard deviation of the column, or for a category: comparable across columns. */
      standardized: number
      standardError?: number
      interval?: Interval
      /** For a column on normal scores: the change of the log odds from its lower to its upper quartile. */
      quartiles?: {from: number; to: number; change: number}
      /**
       * For a category: the change of the log odds against the commonest level of its column, which has 0 and no
       * interval. `value` of a category is relative to no level.
       */
      contrast?: {against: string; value: number; standardError?: number; interval?: Interval}
    }[]
  }[]
  /** Numeric columns that were mapped to a normal distribution, with the quartiles mapped to -0.67, 0 and 0.67. */
  transforms: {column: string; kind: 'normal-scores'; quartiles: [number, number, number]}[]
  leftOut: {
    column: string
    reason: 'identifier' | 'constant' | 'empty' | 'date' | 'free-text' | 'not-in-model' | 'excluded'
  }[]
  /**
   * For a pre-trained model that knows its training data: per column, the most drifted first, the population stability
   * index over deciles or values; values that the training did not have (up to 20); and the share of rows with a number
   * beyond the training's range.
   */
  drift?: {column: string; psi: number; newLevels: string[]; beyondRange: number}[]
  assumptions: string[]
  warnings: string[]
  model: {
    form: 'ml-logistic-regression'
    /**
     * Half the squared norm of the weights counts so much in the loss: 1 / C. Null for a pre-trained model, which does
     * not tell; older workers wrote 1.
     */
    penalty: {l2: number | null}
    /** As the file or the pipeline sets them; absent if none are set. */
    options?: ModelOptions
    /** Probability of the last class from which a row is predicted as it, if it is not 0.5. */
    threshold?: number
    iterations: number
    converged: boolean
    /** The artifact that was used instead of a fit: its source, and the SHA-256 of its bytes. */
    pretrained: {uri: string; sha256: string} | null
  }
  timings: {readMs: number; fitMs: number; predictMs: number; writeMs: number}
}

/**
 * How well one class is separated from the others. Points are thinned to about 200, to fewer if there are many
 * classes.
 */
export interface Curves {
  class: string
  /** False positive rate and true positive rate, from (0, 0) to (1, 1). */
  roc: [number, number][]
  /** Recall and precision, by rising recall. */
  precisionRecall: [number, number][]
  /** Evaluated rows by rising probability, in up to ten bins of about equal size. */
  calibration: {rows: number; predicted: number; observed: number; interval: Interval}[]
  /** Evaluated rows by probability, in twenty bins of 0.05: those of the class, and the others. */
  histogram: {own: number[]; others: number[]}
}
