import {CANARY_PREFIX, type Filter, WORKER_ENVIRONMENT} from '../../../worker/contract.ts'
import {alertsOf, PIPELINE_LABEL, type Pipeline} from '../../core/settings/pipeline.ts'
import {IMAGES_KEPT, type Settings} from '../../core/settings/settings.ts'
import {secretsOf} from '../../core/secrets/declared.ts'
import {hasImageDigest, imageDigestVariable} from '../image-digest.ts'
import {livenessProbe} from '../liveness.ts'
import type {Json} from '../rest.ts'

const DAY_SECONDS = 86_400
/** Age at which a file that waits is reported. */
const WAITING_SECONDS = 3600

const INGRESS = {
  internal: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
  'internal-and-cloud-load-balancing': 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
  all: 'INGRESS_TRAFFIC_ALL',
} as const satisfies Record<Settings['ingress'], string>

/** Bodies of the pipeline's resources, in the form of Google's APIs. `resources.ts` sends them. A label that is `null` has to go. */
export function blueprint({settings, names, model, livenessPort, formerLabels = []}: Pipeline) {
  const {project, region, name} = settings
  const labels: Record<string, string | null> = {
    ...Object.fromEntries(formerLabels.map((key) => [key, null])),
    ...settings.labels,
    [PIPELINE_LABEL]: name,
  }
  const kmsKey = settings.kmsKey ?? null
  const alerts = alertsOf(settings)
  const topic = (short: string) => `projects/${project}/topics/${short}`
  const variable = (variableName: string, value: string) => ({name: variableName, value})
  const buckets = [
    variable(WORKER_ENVIRONMENT.inputBucket, names.inputBucket),
    variable(WORKER_ENVIRONMENT.outputBucket, names.outputBucket),
    ...(settings.afterwards === 'keep' ? [] : [variable(WORKER_ENVIRONMENT.afterwards, settings.afterwards)]),
  ]
  const {prefix, suffix}: Filter = settings.filter
  const ofService = [
    variable(WORKER_ENVIRONMENT.deadlineSeconds, String(settings.requestTimeout)),
    variable(WORKER_ENVIRONMENT.job, `projects/${project}/locations/${region}/jobs/${names.job}`),
    variable(WORKER_ENVIRONMENT.jobThreshold, settings.jobThreshold),
    ...(settings.jobTasks === 1 ? [] : [variable(WORKER_ENVIRONMENT.jobTasks, String(settings.jobTasks))]),
    ...(prefix === undefined ? [] : [variable(WORKER_ENVIRONMENT.filterPrefix, prefix)]),
    ...(suffix === undefined ? [] : [variable(WORKER_ENVIRONMENT.filterSuffix, suffix)]),
  ]
  const ofProcess = [
    ...Object.entries(settings.environment).map(([variableName, value]) => variable(variableName, value)),
    ...(settings.labelColumn === undefined
      ? []
      : [variable(WORKER_ENVIRONMENT.labelColumn, settings.labelColumn)]),
    ...(model === undefined ? [] : [variable(WORKER_ENVIRONMENT.model, model)]),
    ...secretsOf(settings).map(({variable: variableName, secret, version}) => ({
      name: variableName,
      valueSource: {secretKeyRef: {secret, version}},
    })),
  ]

  const {network, subnetwork} = settings
  /** Direct VPC egress; null: none. */
  const vpcAccess =
    network === undefined && subnetwork === undefined
      ? null
      : {
          egress: settings.egress.toUpperCase().replaceAll('-', '_'),
          networkInterfaces: [
            {...(network === undefined ? {} : {network}), ...(subnetwork === undefined ? {} : {subnetwork})},
          ],
        }
  const alertChannel = (type: string, label: string, value: string | undefined): Json | undefined =>
    value === undefined
      ? undefined
      : {
          type,
          displayName: `cloud-runner ${name}: ${label === 'url' ? 'webhook' : 'email'}`,
          labels: {[label]: value},
          userLabels: labels,
          enabled: true,
        }
  const onSubscription = (subscription: string, metric: string) =>
    `resource.type = "pubsub_subscription" AND resource.labels.subscription_id = "${subscription}" AND metric.type = "pubsub.googleapis.com/subscription/${metric}"`
  const alertCondition = (
    displayName: string,
    {filter, aligner, above = 0}: {filter: string; aligner: string; above?: number},
  ) => ({
    displayName,
    conditionThreshold: {
      filter,
      comparison: 'COMPARISON_GT',
      thresholdValue: above,
      duration: '0s',
      aggregations: [{alignmentPeriod: '60s', perSeriesAligner: aligner}],
    },
  })
  /** https://cloud.google.com/storage/docs/lifecycle#conditions */
  const deletedAfter = {
    input: settings.inputLifecycleDays === undefined ? [] : [{age: settings.inputLifecycleDays}],
    output: settings.noncurrentDays === 0 ? [] : [{daysSinceNoncurrentTime: settings.noncurrentDays}],
  }
  const binaryAuthorization = settings.binaryAuthorization ? {useDefault: true} : null

  return {
    repository: {
      format: 'DOCKER',
      mode: 'STANDARD_REPOSITORY',
      description: `Images of the worker of the cloud-runner pipeline ${name}`,
      labels,
      ...(kmsKey === null ? {} : {kmsKeyName: kmsKey}),
      // Cloud Run keeps its own copy of an image only while a revision serves; images to roll back to are kept here.
      cleanupPolicies: {
        'keep-newest': {
          action: 'KEEP',
          mostRecentVersions: {keepCount: IMAGES_KEPT},
        },
        'delete-old': {
          action: 'DELETE',
          condition: {tagState: 'ANY', olderThan: `${30 * DAY_SECONDS}s`},
        },
      },
    } satisfies Json,

    /**
     * Versions and soft delete are for results: an input that the pipeline deletes is meant to go. Without lifecycle or
     * retention, their empty members remove those of earlier settings. Versions from before versioning was turned off
     * go as well.
     */
    bucket: (bucket: 'input' | 'output') =>
      ({
        name: bucket === 'input' ? names.inputBucket : names.outputBucket,
        location: (settings.location ?? region).toUpperCase(),
        storageClass: settings.storageClass,
        labels,
        iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: 'enforced'},
        softDeletePolicy: {
          retentionDurationSeconds: String(bucket === 'input' ? 0 : settings.softDeleteDays * DAY_SECONDS),
        },
        versioning: {enabled: bucket === 'output' && settings.versioning},
        retentionPolicy:
          bucket === 'output' && settings.retentionDays !== undefined
            ? {retentionPeriod: String(settings.retentionDays * DAY_SECONDS)}
            : null,
        lifecycle: {
          rule: deletedAfter[bucket].map((condition) => ({action: {type: 'Delete'}, condition})),
        },
        encryption: kmsKey === null ? null : {defaultKmsKeyName: kmsKey},
      }) satisfies Json,

    /** By the type that Monitoring has for it. */
    alertChannels: {
      email: alertChannel('email', 'email_address', alerts['email']),
      webhook: alertChannel('webhook_tokenauth', 'url', alerts['webhook']),
    },

    /** One policy, whose conditions open incidents of their own; `undefined` without anybody to notify. */
    alertPolicy: (channels: readonly string[]) =>
      Object.keys(alerts).length === 0
        ? undefined
        : ({
            displayName: `cloud-runner ${name}`,
            combiner: 'OR',
            enabled: true,
            userLabels: labels,
            notificationChannels: [...channels, ...(alerts['slack'] === undefined ? [] : [alerts['slack']])],
            conditions: [
              alertCondition(`${name}: dead letters`, {
                filter: onSubscription(names.deadLetterSubscription, 'num_undelivered_messages'),
                aligner: 'ALIGN_MAX',
              }),
              alertCondition(`${name}: a file waits for more than an hour`, {
                filter: onSubscription(names.subscription, 'oldest_unacked_message_age'),
                aligner: 'ALIGN_MAX',
                above: WAITING_SECONDS,
              }),
              alertCondition(`${name}: an execution failed`, {
                filter: `resource.type = "cloud_run_job" AND resource.labels.job_name = "${names.job}" AND metric.type = "run.googleapis.com/job/completed_execution_count" AND metric.labels.result = "failed"`,
                aligner: 'ALIGN_SUM',
              }),
              ...(settings.noResultMinutes === undefined
                ? []
                : [
                    {
                      displayName: `${name}: no file was processed in ${settings.noResultMinutes} minutes`,
                      conditionThreshold: {
                        filter: `${onSubscription(names.subscription, 'push_request_count')} AND metric.labels.response_class = "ack"`,
                        comparison: 'COMPARISON_LT',
                        thresholdValue: 1,
                        // At least this much, so that missing data counts as none.
                        duration: '60s',
                        evaluationMissingData: 'EVALUATION_MISSING_DATA_ACTIVE',
                        aggregations: [
                          {
                            alignmentPeriod: `${settings.noResultMinutes * 60}s`,
                            perSeriesAligner: 'ALIGN_SUM',
                          },
                        ],
                      },
                    },
                  ]),
            ],
          } satisfies Json),

    topic: {labels, ...(kmsKey === null ? {} : {kmsKeyName: kmsKey})} satisfies Json,

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

    /** One for the names that the filter lets through, one for canaries if it would not. */
    notifications: (prefix === undefined || CANARY_PREFIX.startsWith(prefix)
      ? [prefix]
      : [prefix, CANARY_PREFIX]
    ).map(
      (namePrefix) =>
        ({
          topic: `//pubsub.googleapis.com/${topic(names.topic)}`,
          event_types: ['OBJECT_FINALIZE'],
          payload_format: 'JSON_API_V1',
          ...(namePrefix === undefined ? {} : {object_name_prefix: namePrefix}),
        }) satisfies Json,
    ),

    /** With `resources`, `cpuIdle` must be set: otherwise the CPU is always allocated, and billed. */
    service: (image: string, current?: Json) =>
      ({
        labels,
        ingress: INGRESS[settings.ingress],
        binaryAuthorization,
        template: {
          labels,
          serviceAccount: names.workerAccount,
          timeout: `${settings.requestTimeout}s`,
          maxInstanceRequestConcurrency: settings.concurrency,
          scaling: {minInstanceCount: settings.minInstances || null, maxInstanceCount: settings.maxInstances},
          vpcAccess,
          encryptionKey: kmsKey,
          containers: [
            {
              image,
              env: [
                ...buckets,
                ...ofService,
                // The Terraform module leaves it out unless its user names the digest.
                ...(current === undefined || hasImageDigest(current) ? [imageDigestVariable(image)] : []),
                ...ofProcess,
              ],
              ...(livenessPort === undefined ? {} : {livenessProbe: livenessProbe(livenessPort)}),
              ports: [{name: 'http1', containerPort: 8080}],
              resources: {
                limits: {cpu: settings.cpu, memory: settings.memory},
                cpuIdle: !settings.cpuAlwaysAllocated,
                startupCpuBoost: settings.startupCpuBoost,
              },
            },
          ],
        },
      }) satisfies Json,

    /** For files that take longer than the ten minutes of a delivery: one execution a file, with the same image. */
    job: (image: string) =>
      ({
        labels,
        binaryAuthorization,
        template: {
          labels,
          // As many at a time as Cloud Run can; the worker asks for more tasks when it hands a file over.
          parallelism: 0,
          taskCount: 1,
          template: {
            serviceAccount: names.workerAccount,
            timeout: `${settings.jobTimeout}s`,
            vpcAccess,
            encryptionKey: kmsKey,
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
