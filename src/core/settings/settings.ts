import {choice, duration, entries, fields, integer, text, toggle, type Setting} from './setting.ts'

export type Target = 'local' | 'gcp'

/** How many of the newest images the registry keeps, to roll back to. */
export const IMAGES_KEPT = 10

/** The local target's default project. */
export const LOCAL_PROJECT = 'cloud-runner-local'

/** https://cloud.google.com/storage/docs/buckets#naming */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * The table of settings that `cloud-runner.json`, `CLOUD_RUNNER_*` and flags can set. After a change, `npm run build`
 * writes what derives from it: `terraform/settings.tf`, the tables of the READMEs, the flags of `setup`, the JSON
 * Schema. What a value does is defined twice, in `terraform/` and in `src/google/infrastructure/blueprint.ts`.
 */
export const SETTINGS = {
  target: choice({
    description: 'Where the pipeline runs: local (this machine, no account) or gcp (Google Cloud).',
    of: ['local', 'gcp'],
    default: undefined,
    defaultText: '`local`; with a project: `gcp`',
    variable: false,
  }),
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
      "Where to keep Terraform's state on the target gcp, to share it with others; the bucket is created if it does not exist.",
    rule: 'a prefix in a bucket, such as gs://my-project-123-terraform/cloud-runner',
    example: 'gs://my-project-123-terraform/cloud-runner',
    default: undefined,
    defaultText: '`.cloud-runner/`',
    pattern: /^gs:\/\/[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\/[^\s/][^\s]*$/,
    flag: '<gs://bucket/prefix>',
    variable: false,
  }),
  worker: text({
    description: 'Folder of your own worker; the default is the built-in logistic regression.',
    rule: 'the path of a folder',
    example: './my-worker',
    default: undefined,
    pattern: /^[^\0]+$/,
    flag: '<folder>',
    variable: false,
  }),
  labelColumn: text({
    description: 'Column to predict, unless a file names its own.',
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
  environment: entries({
    description: 'Environment variables of the worker.',
    rule: 'texts by variable name, such as {"LANG": "en"}',
    example: 'LANG=en',
    names: VARIABLE_NAME,
    values: /^[^\0]*$/,
    flag: '<NAME=value>',
  }),
  envFile: text({
    description:
      'File of environment variables, one NAME=value per line; read at every setup, never stored. Variables in environment take precedence.',
    rule: 'the path of a file',
    example: './.env',
    default: undefined,
    pattern: /^[^\0]+$/,
    flag: '<file>',
    variable: false,
  }),
  secrets: entries({
    description:
      'Environment variables of the worker that get their values from Secret Manager, in the same project; without a version, the latest.',
    rule: 'SECRET or SECRET:VERSION by variable name, such as {"API_KEY": "invoices-api-key:3"}',
    example: 'API_KEY=invoices-api-key',
    names: VARIABLE_NAME,
    // https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create
    values: /^[A-Za-z0-9_-]{1,255}(?::[A-Za-z0-9_-]{1,63})?$/,
    flag: '<NAME=secret[:version]>',
  }),
  filter: fields({
    description:
      'Prefix and suffix of the objects to process; other objects in the input bucket are left alone.',
    rule: 'prefix, suffix or both, such as {"prefix": "in/", "suffix": ".csv"}',
    example: 'suffix=.csv',
    of: {prefix: /^[^\r\n]{1,1000}$/, suffix: /^[^\r\n]{1,1000}$/},
    flag: '<prefix=…|suffix=…>',
  }),
  afterwards: choice({
    description:
      'What happens to a file once its result exists: it stays, moves to archive/ in its bucket, or is deleted. Failed files stay.',
    of: ['keep', 'archive', 'delete'],
    default: 'keep',
    flag: '<keep|archive|delete>',
  }),
  inputBucket: text({
    description:
      'Existing bucket to read files from, possibly in another project. The pipeline adds only its notification and grants, which destroy removes.',
    rule: 'the name of a bucket',
    example: 'my-company-incoming',
    default: undefined,
    pattern: BUCKET,
    flag: '<bucket>',
  }),
  outputBucket: text({
    description:
      'Existing bucket to write results to, possibly in another project. The pipeline adds only its grant, and destroy keeps the results.',
    rule: 'the name of a bucket',
    example: 'my-company-results',
    default: undefined,
    pattern: BUCKET,
    flag: '<bucket>',
  }),
  location: text({
    description:
      'Location of buckets that the pipeline creates: a region, dual-region or multi-region. The default is the region.',
    rule: 'a location such as EU, EUR4 or europe-west3',
    example: 'EU',
    default: undefined,
    pattern: /^[A-Za-z][A-Za-z0-9-]+$/,
    localEffect: false,
  }),
  storageClass: choice({
    description: 'Storage class of buckets that the pipeline creates.',
    of: ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'],
    default: 'STANDARD',
  }),
  versioning: toggle({
    description:
      'Whether the output bucket keeps replaced and deleted results as noncurrent versions, so that earlier runs of a file can be read. They are billed like any other object.',
    default: true,
  }),
  noncurrentDays: integer({
    description:
      'Days after which Cloud Storage deletes a noncurrent version of a result; 0: never. It can be restored for softDeleteDays more, and is billed until then.',
    default: 30,
    minimum: 1,
    maximum: 36_500,
    orZero: true,
  }),
  softDeleteDays: integer({
    description:
      'Days during which a version of a result that was deleted, or replaced without versioning, can be restored; meanwhile it is billed like any other object.',
    default: 7,
    minimum: 7,
    maximum: 90,
    orZero: true,
  }),
  retentionDays: integer({
    description:
      'Days before which no result can be deleted; needs versioning, so that results can still be replaced.',
    default: undefined,
    minimum: 1,
    maximum: 36_500,
  }),
  inputLifecycleDays: integer({
    description: 'Days after which Cloud Storage deletes objects in the input bucket.',
    default: undefined,
    minimum: 1,
    maximum: 36_500,
  }),
  labels: entries({
    description: 'Labels on every resource that can have them, for billing reports and searches.',
    rule: 'texts by label key, lower-case letters, digits, hyphens and underscores, such as {"team": "risk"}',
    example: 'team=risk',
    names: /^[a-z][a-z0-9_-]{0,62}$/,
    values: /^[a-z0-9_-]{0,63}$/,
    flag: '<key=value>',
  }),
  alerts: fields({
    description:
      'Whom Cloud Monitoring notifies of dead letters, files waiting for over an hour and failed executions: email, webhook (also locally) or slack.',
    rule: 'email, webhook (https) or slack (projects/PROJECT/notificationChannels/ID), such as {"email": "ops@example.com"}',
    example: 'webhook=https://example.com/alerts',
    of: {
      email: /^[^\s@]+@[^\s@]+[.][^\s@]+$/,
      webhook: /^(?:https:\/\/[^\s/]+|http:\/\/(?:localhost|127[.]0[.]0[.]1)(?::\d+)?)(?:[/?][^\s]*)?$/,
      // Slack hands out its token in Google's console only, so the channel has to exist.
      slack: /^projects\/[^/\s]+\/notificationChannels\/\d+$/,
    },
    flag: '<email=…|webhook=…>',
  }),
  noResultMinutes: integer({
    description:
      'Minutes without a processed file before an alert is sent, for pipelines whose files arrive regularly.',
    default: undefined,
    minimum: 5,
    maximum: 1440,
  }),
  budget: integer({
    description:
      "Monthly budget of the pipeline, in the billing account's currency: Google notifies the account's administrators and alerts.email at 50, 90 and 100 %. It stops nothing.",
    default: undefined,
    minimum: 1,
    maximum: 1_000_000_000,
    localEffect: false,
  }),
  serviceAccount: text({
    description:
      'Existing service account that the worker runs as; the pipeline only adds the grants it needs. By default, one is created.',
    rule: 'the email address of a service account',
    example: 'worker@my-project-123.iam.gserviceaccount.com',
    default: undefined,
    pattern: /^[a-z0-9][a-z0-9.-]*@[a-z0-9.-]+\.gserviceaccount\.com$/,
  }),
  ingress: choice({
    description:
      'Where requests to the service may come from. Pub/Sub in the same project is internal; `deploy --tag` addresses need all.',
    of: ['internal', 'internal-and-cloud-load-balancing', 'all'],
    default: 'internal',
    localEffect: false,
  }),
  network: text({
    description: 'VPC network that instances connect to directly.',
    rule: 'the name of a network, or projects/PROJECT/global/networks/NAME',
    example: 'default',
    default: undefined,
    pattern: /^(?:projects\/[^/]+\/global\/networks\/)?[a-z][a-z0-9-]{0,62}$/,
    localEffect: false,
  }),
  subnetwork: text({
    description: "Subnetwork of the network, in the pipeline's region.",
    rule: 'the name of a subnetwork, or projects/PROJECT/regions/REGION/subnetworks/NAME',
    example: 'default',
    default: undefined,
    pattern: /^(?:projects\/[^/]+\/regions\/[^/]+\/subnetworks\/)?[a-z][a-z0-9-]{0,62}$/,
    localEffect: false,
  }),
  egress: choice({
    description: 'Which outgoing requests of an instance go through the network.',
    of: ['private-ranges-only', 'all-traffic'],
    default: 'private-ranges-only',
    localEffect: false,
  }),
  kmsKey: text({
    description:
      "Cloud KMS key that encrypts buckets, topics, images, service and job, instead of Google's own keys.",
    rule: 'projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY',
    example: 'projects/my-project-123/locations/europe-west3/keyRings/data/cryptoKeys/files',
    default: undefined,
    pattern: /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/,
    localEffect: false,
  }),
  binaryAuthorization: toggle({
    description: "Whether the project's Binary Authorization policy decides which images may run.",
    default: false,
    localEffect: false,
  }),
  concurrency: integer({
    description: 'Files that one instance processes at the same time.',
    default: 1,
    minimum: 1,
    maximum: 1000,
    flag: '<n>',
  }),
  maxInstances: integer({
    description: 'Maximum number of instances running at the same time.',
    default: 10,
    defaultText: '`10`; local: the cores',
    minimum: 1,
    maximum: 1000,
    flag: '<n>',
  }),
  minInstances: integer({
    description: 'Instances kept ready, and billed, while no files arrive.',
    default: 0,
    minimum: 0,
    maximum: 1000,
    flag: '<n>',
  }),
  cpuAlwaysAllocated: toggle({
    description: 'Whether an instance keeps its CPUs between files, and is billed for them.',
    default: false,
    localEffect: false,
  }),
  startupCpuBoost: toggle({
    description: 'Whether an instance gets more CPU while it starts.',
    default: true,
    localEffect: false,
  }),
  cpu: text({
    description: 'CPUs per instance; on the local target, only containers are limited to them.',
    rule: '1, 2, 4, 6 or 8',
    example: '1',
    default: '1',
    pattern: /^[12468]$/,
  }),
  memory: text({
    description:
      'Memory per instance, as Cloud Run offers it: 512Mi to 4Gi with 1 CPU, to 8Gi with 2, 2Gi to 16Gi with 4, 4Gi to 24Gi with 6, 4Gi to 32Gi with 8.',
    rule: 'an amount such as 512Mi or 1Gi',
    example: '1Gi',
    default: '1Gi',
    pattern: /^[1-9]\d*(?:Mi|Gi)$/,
  }),
  jobThreshold: text({
    description:
      'Files of this size or larger are processed by a job, which allows jobTimeout per file; smaller ones move to it if they exceed requestTimeout.',
    rule: 'an amount such as 512Ki, 256Mi or 2Gi',
    example: '256Mi',
    default: '256Mi',
    pattern: /^[1-9]\d{0,5}(?:Ki|Mi|Gi)$/,
  }),
  jobTimeout: duration({
    description:
      'Time limit per file in the job, which processes files that take longer than a delivery allows.',
    default: '1h',
    minimum: '1s',
    maximum: '7d',
  }),
  jobTasks: integer({
    description:
      'Tasks of the job that write the result of one file together, each billed from its start for a minute or more; one task learns, while the others wait. Files other than plain CSV, and workers of your own without parts, get one task.',
    default: 1,
    minimum: 1,
    maximum: 100,
  }),
  requestTimeout: duration({
    description:
      'Time limit per file; below ackDeadline, so that the response arrives before Pub/Sub delivers the message again.',
    default: '540s',
    minimum: '1s',
    maximum: '590s',
  }),
  ackDeadline: duration({
    description: 'Time that Pub/Sub waits for a response before it delivers the message again.',
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
    description: 'Delivery attempts per file before it becomes a dead letter.',
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
