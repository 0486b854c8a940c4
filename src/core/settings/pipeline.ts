import type {Settings} from './settings.ts'

/** The names of a pipeline's resources, short (without `projects/…`), and the full ones that APIs require. */
export interface PipelineNames {
  readonly inputBucket: string
  readonly outputBucket: string
  readonly service: string
  /** For files that take longer than a delivery allows. */
  readonly job: string
  readonly topic: string
  readonly subscription: string
  readonly deadLetterTopic: string
  readonly deadLetterSubscription: string
  readonly repository: string
  /** Emails. */
  readonly workerAccount: string
  readonly pushAccount: string
  /** `REGION-docker.pkg.dev/PROJECT/REPOSITORY/worker`, to which `@sha256:…` or `:tag` is added. */
  readonly image: string
}

/** A pipeline: the chain from upload to result under one name, at one target. */
export interface Pipeline {
  readonly settings: Settings
  readonly names: PipelineNames
  /** The model that the worker scores files with, as it reads it: `gs://bucket/object#generation`. */
  readonly model?: string | undefined
  /** Port of the worker's liveness probe; `undefined`: it has none. */
  readonly livenessPort?: number | undefined
  /** Keys of labels that earlier settings had, and that have to go. */
  readonly formerLabels?: readonly string[] | undefined
  /** Image of the existing service, by reference with digest, which Terraform leaves as it is. */
  readonly currentImage?: string | undefined
}

/** Label of every resource that can carry one; its value is the pipeline's name. */
export const PIPELINE_LABEL = 'cloud-runner'
/**
 * The pipeline that checked settings describe. Their rules keep every name within its
 * service's limits: bucket 3–63 characters, topic and subscription 3–255, service below 50, account id 6–30.
 */
export function pipelineOf(settings: Settings): Pipeline {
  const {name, project, region} = settings
  const account = (id: string) => `${id}@${project}.iam.gserviceaccount.com`
  return {
    settings,
    names: {
      inputBucket: settings.inputBucket ?? `${project}-${name}-input`,
      outputBucket: settings.outputBucket ?? `${project}-${name}-output`,
      service: name,
      job: `${name}-job`,
      topic: `${name}-uploads`,
      subscription: `${name}-push`,
      deadLetterTopic: `${name}-dead-letter`,
      deadLetterSubscription: `${name}-dead-letter`,
      repository: name,
      workerAccount: settings.serviceAccount ?? account(`${name}-worker`),
      pushAccount: account(`${name}-push`),
      image: `${region}-docker.pkg.dev/${project}/${name}/worker`,
    },
  }
}

/** The buckets that the pipeline creates and deletes: those that the settings name existed before, and stay. */
export function ownBuckets({settings, names}: Pick<Pipeline, 'settings' | 'names'>): string[] {
  return [
    ...(settings.inputBucket === undefined ? [names.inputBucket] : []),
    ...(settings.outputBucket === undefined ? [names.outputBucket] : []),
  ]
}

/** The alerts of the target: the channel for Slack exists on Google Cloud only, whose console creates it. */
export function alertsOf({target, alerts}: Pick<Settings, 'target' | 'alerts'>): Settings['alerts'] {
  const {slack, ...others} = alerts
  return target === 'local' || slack === undefined ? others : {...others, slack}
}
