import {WORKER_ENVIRONMENT} from '../../../worker/contract.ts'
import {PIPELINE_LABEL, type Pipeline} from '../../core/pipeline/pipeline.ts'
import {FIXED} from '../../core/pipeline/settings.ts'
import {livenessProbe} from '../liveness.ts'
import type {Json} from '../rest.ts'

const DAY_SECONDS = 86_400

/** Bodies of the pipeline's resources, in the form of Google's APIs. `resources.ts` sends them. */
export function blueprint({settings, names, model, livenessPort}: Pipeline) {
  const {project, region, name} = settings
  const labels = {[PIPELINE_LABEL]: name}
  const topic = (short: string) => `projects/${project}/topics/${short}`
  const variable = (variableName: string, value: string) => ({name: variableName, value})
  const buckets = [
    variable(WORKER_ENVIRONMENT.inputBucket, names.inputBucket),
    variable(WORKER_ENVIRONMENT.outputBucket, names.outputBucket),
  ]
  const ofProcess = [
    ...(settings.labelColumn === undefined
      ? []
      : [variable(WORKER_ENVIRONMENT.labelColumn, settings.labelColumn)]),
    ...(model === undefined ? [] : [variable(WORKER_ENVIRONMENT.model, model)]),
  ]

  return {
    repository: {
      format: 'DOCKER',
      mode: 'STANDARD_REPOSITORY',
      description: `Images of the worker of the cloud-runner pipeline ${name}`,
      labels,
      // Cloud Run keeps its own copy of an image only while a revision serves; images to roll back to are kept here.
      cleanupPolicies: {
        'keep-newest': {
          action: 'KEEP',
          mostRecentVersions: {keepCount: FIXED.imagesKept},
        },
        'delete-old': {
          action: 'DELETE',
          condition: {tagState: 'ANY', olderThan: `${30 * DAY_SECONDS}s`},
        },
      },
    } satisfies Json,

    /** Soft delete is off: deleted scratch data would be billed for a week. */
    bucket: (bucket: string) =>
      ({
        name: bucket,
        location: region.toUpperCase(),
        storageClass: 'STANDARD',
        labels,
        iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: 'enforced'},
        softDeletePolicy: {retentionDurationSeconds: '0'},
      }) satisfies Json,

    topic: {labels} satisfies Json,

    /** Without a subscription a dead-letter topic loses its messages; Pub/Sub keeps a message for at most 31 days. */
    deadLetterSubscription: {
      topic: topic(names.deadLetterTopic),
      labels,
      ackDeadlineSeconds: 60,
      messageRetentionDuration: `${31 * DAY_SECONDS}s`,
      expirationPolicy: {},
    } satisfies Json,

    /** `expirationPolicy: {}` is "never": by default a subscription without activity is deleted after 31 days. */
    pushSubscription: (uri: string) =>
      ({
        topic: topic(names.topic),
        labels,
        pushConfig: {
          pushEndpoint: uri,
          oidcToken: {serviceAccountEmail: names.pushAccount, audience: uri},
        },
        ackDeadlineSeconds: settings.ackDeadline,
        retryPolicy: {
          minimumBackoff: `${settings.minimumBackoff}s`,
          maximumBackoff: `${settings.maximumBackoff}s`,
        },
        deadLetterPolicy: {
          deadLetterTopic: topic(names.deadLetterTopic),
          maxDeliveryAttempts: settings.maxDeliveryAttempts,
        },
        messageRetentionDuration: `${settings.messageRetention}s`,
        expirationPolicy: {},
      }) satisfies Json,

    notification: {
      topic: `//pubsub.googleapis.com/${topic(names.topic)}`,
      event_types: ['OBJECT_FINALIZE'],
      payload_format: 'JSON_API_V1',
    } satisfies Json,

    /** With `resources`, `cpuIdle` must be set: otherwise the CPU is always allocated, and billed. */
    service: (image: string) =>
      ({
        labels,
        ingress: 'INGRESS_TRAFFIC_ALL',
        template: {
          labels,
          serviceAccount: names.workerAccount,
          timeout: `${settings.requestTimeout}s`,
          maxInstanceRequestConcurrency: settings.concurrency,
          scaling: {maxInstanceCount: settings.maxInstances},
          containers: [
            {
              image,
              env: [
                ...buckets,
                variable(WORKER_ENVIRONMENT.deadlineSeconds, String(settings.requestTimeout)),
                variable(WORKER_ENVIRONMENT.job, `projects/${project}/locations/${region}/jobs/${names.job}`),
                variable(WORKER_ENVIRONMENT.jobThreshold, settings.jobThreshold),
                ...ofProcess,
              ],
              ...(livenessPort === undefined ? {} : {livenessProbe: livenessProbe(livenessPort)}),
              ports: [{name: 'http1', containerPort: 8080}],
              resources: {
                limits: {cpu: settings.cpu, memory: settings.memory},
                cpuIdle: true,
                startupCpuBoost: true,
              },
            },
          ],
        },
      }) satisfies Json,

    /** For files that take longer than the ten minutes of a delivery: one execution a file, with the same image. */
    job: (image: string) =>
      ({
        labels,
        template: {
          labels,
          parallelism: 1,
          taskCount: 1,
          template: {
            serviceAccount: names.workerAccount,
            timeout: `${FIXED.jobTimeout}s`,
            maxRetries: 3,
            containers: [
              {
                image,
                env: [...buckets, ...ofProcess],
                resources: {limits: {cpu: settings.cpu, memory: settings.memory}},
              },
            ],
          },
        },
      }) satisfies Json,
  }
}
