import {duration, integer, text, type Setting} from './setting.ts'

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
 * The table of settings that `cloud-runner.json`, `CLOUD_RUNNER_*` and flags can set. After a change, `npm run build`
 * writes what derives from it: `terraform/settings.tf`, the tables of the READMEs, the flags of `setup`, the JSON
 * Schema. What a value does is said twice, in `terraform/` and in `src/google/infrastructure/blueprint.ts`.
 */
export const SETTINGS = {
  target: {
    description: 'Where the pipeline runs: local (this machine, no account) or gcp (Google Cloud).',
    rule: 'local or gcp',
    example: 'local',
    default: undefined,
    defaultText: '`local`; with a project: `gcp`',
    schema: {enum: targets},
    parse: (value: unknown): Target | undefined => targets.find((target) => target === value),
    flag: undefined,
    variable: undefined,
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
    description: 'Google Cloud project id. Setting it implies the target gcp unless a target is set.',
    rule: 'a project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen',
    example: 'my-project-123',
    default: undefined,
    defaultText: `local: \`${LOCAL_PROJECT}\``,
    pattern: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
    variable: false,
  }),
  region: text({
    description: 'Region of the buckets, registry and service.',
    rule: 'a region such as europe-west3 or us-central1',
    example: 'europe-west3',
    default: 'europe-west3',
    pattern: /^[a-z]+-[a-z]+\d+$/,
    flag: '<region>',
  }),
  state: text({
    description:
      "Where to keep Terraform's state on the target gcp, to share it with others; the bucket is created if it is missing.",
    rule: 'a prefix in a bucket, such as gs://my-project-123-terraform/cloud-runner',
    example: 'gs://my-project-123-terraform/cloud-runner',
    default: undefined,
    defaultText: '`.cloud-runner/`',
    pattern: /^gs:\/\/[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\/[^\s/][^\s]*$/,
    flag: '<gs://bucket/prefix>',
    variable: false,
  }),
  worker: text({
    description: 'Folder of your own worker; the default is the packaged logistic regression.',
    rule: 'the path of a folder',
    example: './my-worker',
    default: undefined,
    pattern: /^[^\0]+$/,
    flag: '<folder>',
    variable: false,
  }),
  labelColumn: text({
    description: 'Column to predict if a file does not name its own.',
    rule: 'the name of a column, at most 1000 characters',
    example: 'bankrupt',
    default: undefined,
    pattern: /^[^\0]{1,1000}$/,
    flag: '<name>',
  }),
  model: text({
    description:
      "Model that scores the files, instead of training one per file: a file or an object. A model or label column in a file's own metadata takes precedence.",
    rule: 'the name of a file, or gs://bucket/object',
    example: './model.json',
    default: undefined,
    pattern: /^(?!gs:\/\/(?![^/]+\/.))[^\0]+$/,
    flag: '<model>',
    variable: false,
  }),
  concurrency: integer({
    description: 'Files that one instance processes at the same time.',
    default: 1,
    minimum: 1,
    maximum: 1000,
    flag: '<n>',
  }),
  maxInstances: integer({
    description: 'Maximum number of instances that run at the same time.',
    default: 10,
    defaultText: '`10`; local: the cores',
    minimum: 1,
    maximum: 1000,
    flag: '<n>',
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

type Table = typeof SETTINGS
export type SettingName = keyof Table

/** What a row's values are. */
export type SettingValue = NonNullable<ReturnType<Table[SettingName]['parse']>>

type ValueOf<R> = R extends Setting<infer T, infer D> ? (undefined extends D ? T | undefined : T) : never

/** All settings with their values; durations in seconds. `worker` and `model` are as given: see `Config`. */
export type Settings = {
  readonly [N in Exclude<SettingName, 'target' | 'project'>]: ValueOf<Table[N]>
} & {readonly target: Target; readonly project: string}

/** Rules over two settings: the first is below the second or, unless `strict`, equal to it. */
export const ORDERED = [
  {
    lower: 'requestTimeout',
    upper: 'ackDeadline',
    strict: true,
    why: 'otherwise a file is delivered again while it is still being processed',
  },
  {
    lower: 'minimumBackoff',
    upper: 'maximumBackoff',
    strict: false,
    why: 'it is the shorter of the two waits',
  },
] as const satisfies readonly {lower: SettingName; upper: SettingName; strict: boolean; why: string}[]

/** The names of all settings, in the table's order. */
export const SETTING_NAMES = Object.keys(SETTINGS).filter((key): key is SettingName =>
  Object.hasOwn(SETTINGS, key),
)

/** One value for each setting. */
export function eachSetting<T>(make: (setting: SettingName) => T): Record<SettingName, T> {
  const values = Object.fromEntries(SETTING_NAMES.map((setting) => [setting, make(setting)]))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries loses the key type; all keys are present
  return values as Record<SettingName, T>
}

/**
 * Reads each setting, or takes its default.
 * @param read `undefined` if the setting was not given
 */
export function readAll(
  read: <T>(setting: SettingName, row: Setting<T>) => T | undefined,
): Pick<Settings, Exclude<SettingName, 'target' | 'project'>> {
  const values: unknown = eachSetting(
    (setting) => read<SettingValue>(setting, SETTINGS[setting]) ?? SETTINGS[setting].default,
  )
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value comes from the row of its own name
  return values as Settings
}

/** `labelColumn` → `label_column`, as Terraform names it. */
export function snakeCase(setting: SettingName): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `labelColumn` → `CLOUD_RUNNER_LABEL_COLUMN` */
export function environmentName(setting: SettingName): string {
  return `CLOUD_RUNNER_${snakeCase(setting).toUpperCase()}`
}

/** `labelColumn` → `--label-column`; `name` → `--pipeline`, since `upload --name` names an object. */
export function flagName(setting: SettingName): string {
  return setting === 'name' ? '--pipeline' : `--${snakeCase(setting).replaceAll('_', '-')}`
}
