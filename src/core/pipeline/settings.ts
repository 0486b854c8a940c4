import {parseDuration} from './duration.ts'

/** One row of the settings table. `parse` takes a value from JSON or, as text, from the environment and flags. */
interface Setting<T, D extends T | undefined> {
  readonly description: string
  /** What a value must be; follows "must be". */
  readonly rule: string
  /** A valid value. */
  readonly example: string
  readonly default: D
  /** JSON Schema of the value in `cloud-runner.json`. */
  readonly schema: Readonly<Record<string, unknown>>
  /** @returns `undefined` if the value breaks the rule */
  readonly parse: (value: unknown) => T | undefined
}

function text<D extends string | undefined>(row: {
  description: string
  rule: string
  example: string
  default: D
  pattern: RegExp
}): Setting<string, D> {
  const {pattern, ...rest} = row
  return {
    ...rest,
    schema: {type: 'string', pattern: pattern.source},
    parse: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
  }
}

function integer(row: {
  description: string
  default: number
  minimum: number
  maximum: number
}): Setting<number, number> {
  const {minimum, maximum, ...rest} = row
  return {
    ...rest,
    rule: `a whole number from ${minimum} to ${maximum}`,
    example: String(row.default),
    schema: {type: 'integer', minimum, maximum},
    parse(value) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      return typeof number === 'number' && Number.isInteger(number) && number >= minimum && number <= maximum
        ? number
        : undefined
    },
  }
}

/** A duration; the parsed value is in seconds. */
function duration(row: {
  description: string
  default: string
  minimum: string
  maximum: string
}): Setting<number, number> {
  const minimumMs = parseDuration(row.minimum) ?? 0
  const maximumMs = parseDuration(row.maximum) ?? 0
  return {
    description: row.description,
    rule: `a duration from ${row.minimum} to ${row.maximum}, such as 30s, 9m, 2h or 7d`,
    example: row.default,
    default: (parseDuration(row.default) ?? 0) / 1000,
    schema: {type: 'string', pattern: String.raw`^(\d+(\.\d+)?(ms|[smhd]))+$`},
    parse(value) {
      const ms = typeof value === 'string' ? parseDuration(value) : undefined
      return ms !== undefined && ms >= minimumMs && ms <= maximumMs && ms % 1000 === 0 ? ms / 1000 : undefined
    },
  }
}

const targets = ['local', 'gcp'] as const
export type Target = (typeof targets)[number]

/** Constants of Terraform and the direct infrastructure that `cloud-runner.json` does not set. Times in seconds. */
export const FIXED = {
  /** How many of the newest images the registry keeps, to roll back to. */
  imagesKept: 10,
  /** For each file that the job processes. */
  jobTimeout: 3600,
} as const

/** The local target's default project. */
export const LOCAL_PROJECT = 'cloud-runner-local'

/**
 * The table of settings that `cloud-runner.json`, `CLOUD_RUNNER_*` and flags can set, with defaults and rules.
 * Terraform's variables repeat these defaults.
 */
export const SETTINGS = {
  target: {
    description: 'Where the pipeline runs: local (this machine, no account) or gcp (Google Cloud).',
    rule: 'local or gcp',
    example: 'local',
    default: undefined,
    schema: {enum: targets},
    parse: (value: unknown): Target | undefined => targets.find((target) => target === value),
  } satisfies Setting<Target, undefined>,
  name: text({
    description: 'Name of the pipeline; the names of its resources start with it.',
    // The shortest limit applies: service account ids, 30 characters, are `<name>-worker` and `<name>-push`.
    rule: '2 to 23 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen',
    example: 'cloud-runner',
    default: 'cloud-runner',
    pattern: /^[a-z][a-z0-9-]{0,21}[a-z0-9]$/,
  }),
  project: text({
    description: `Google Cloud project id. Setting it implies the target gcp unless a target is set. Local default: ${LOCAL_PROJECT}.`,
    rule: 'a project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen',
    example: 'my-project-123',
    default: undefined,
    pattern: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
  }),
  region: text({
    description: 'Region of the buckets, registry and service.',
    rule: 'a region such as europe-west3 or us-central1',
    example: 'europe-west3',
    default: 'europe-west3',
    pattern: /^[a-z]+-[a-z]+\d+$/,
  }),
  state: text({
    description:
      "Where to keep Terraform's state on the target gcp, to share it with others; by default in .cloud-runner.",
    rule: 'a prefix in a bucket, such as gs://my-project-123-terraform/cloud-runner',
    example: 'gs://my-project-123-terraform/cloud-runner',
    default: undefined,
    pattern: /^gs:\/\/[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\/[^\s/][^\s]*$/,
  }),
  worker: text({
    description: 'Folder of your own worker; the default is the packaged logistic regression.',
    rule: 'the path of a folder',
    example: './my-worker',
    default: undefined,
    pattern: /^[^\0]+$/,
  }),
  labelColumn: text({
    description: 'Column to predict if a file does not name its own.',
    rule: 'the name of a column, at most 1024 characters',
    example: 'bankrupt',
    default: undefined,
    pattern: /^[^\0]{1,1024}$/,
  }),
  model: text({
    description:
      "Model that scores the files, instead of training one per file: a file or an object. A model or label column in a file's own metadata takes precedence.",
    rule: 'the name of a file, or gs://bucket/object',
    example: './model.json',
    default: undefined,
    pattern: /^(?!gs:\/\/(?![^/]+\/.))[^\0]+$/,
  }),
  concurrency: integer({
    description: 'Files that one instance processes at the same time.',
    default: 1,
    minimum: 1,
    maximum: 1000,
  }),
  maxInstances: integer({
    description:
      'Most instances that run at the same time. On the local target the default is the number of cores.',
    default: 10,
    minimum: 1,
    maximum: 1000,
  }),
  cpu: text({
    description: 'CPUs per instance.',
    rule: '1, 2, 4, 6 or 8',
    example: '1',
    default: '1',
    pattern: /^[12468]$/,
  }),
  memory: text({
    description: 'Memory per instance.',
    rule: 'an amount such as 512Mi or 1Gi',
    example: '1Gi',
    default: '1Gi',
    pattern: /^[1-9]\d*(?:Mi|Gi)$/,
  }),
  jobThreshold: text({
    description:
      'Files of this size or more go to a job, which has an hour per file; smaller ones do after requestTimeout.',
    rule: 'an amount such as 512Ki, 256Mi or 2Gi',
    example: '256Mi',
    default: '256Mi',
    pattern: /^[1-9]\d{0,5}(?:Ki|Mi|Gi)$/,
  }),
  requestTimeout: duration({
    description:
      'Time per file; below ackDeadline, so that the answer arrives before Pub/Sub delivers the message again.',
    default: '540s',
    minimum: '1s',
    maximum: '590s',
  }),
  ackDeadline: duration({
    description: 'Time that Pub/Sub waits for an answer before it delivers the message again.',
    default: '600s',
    minimum: '10s',
    maximum: '600s',
  }),
  minimumBackoff: duration({
    description: 'Shortest wait before a refused file is delivered again.',
    default: '10s',
    minimum: '0s',
    maximum: '600s',
  }),
  maximumBackoff: duration({
    description: 'Longest wait before a refused file is delivered again.',
    default: '600s',
    minimum: '0s',
    maximum: '600s',
  }),
  maxDeliveryAttempts: integer({
    description: 'Deliveries of a file before it becomes a dead letter.',
    default: 5,
    minimum: 5,
    maximum: 100,
  }),
  messageRetention: duration({
    description: 'Time that Pub/Sub keeps an undelivered message.',
    default: '7d',
    minimum: '10m',
    maximum: '31d',
  }),
}

export type SettingName = keyof typeof SETTINGS

/** All settings with their values; durations in seconds. */
export interface Settings {
  target: Target
  name: string
  project: string
  region: string
  /** `gs://BUCKET/PREFIX` */
  state: string | undefined
  /** As given, relative to where it was given: see `Config.workerFolder`. */
  worker: string | undefined
  labelColumn: string | undefined
  /** As given: see `Config.model`. */
  model: string | undefined
  concurrency: number
  maxInstances: number
  cpu: string
  memory: string
  jobThreshold: string
  requestTimeout: number
  ackDeadline: number
  minimumBackoff: number
  maximumBackoff: number
  maxDeliveryAttempts: number
  messageRetention: number
}

/** `labelColumn` → `CLOUD_RUNNER_LABEL_COLUMN` */
export function environmentName(setting: SettingName): string {
  return `CLOUD_RUNNER_${setting.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** `labelColumn` → `--label-column`; `name` → `--pipeline`, since `upload --name` names an object. */
export function flagName(setting: SettingName): string {
  if (setting === 'name') return '--pipeline'
  return `--${setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
