import {randomUUID} from 'node:crypto'
import {setTimeout as delay} from 'node:timers/promises'
import {AppError} from '../core/errors.ts'
import {isJsonObject} from '../core/json.ts'
import {PIPELINE_LABEL} from '../core/settings/pipeline.ts'
import type {BuildRecipe, Builds} from '../core/ports/builds.ts'
import type {ObjectStore} from '../core/ports/objects.ts'
import type {Project} from '../core/ports/project.ts'
import {command, suggest} from '../core/suggestion.ts'
import {messageOf} from '../core/system-error.ts'
import {emptyBucket} from './infrastructure/empty-bucket.ts'
import {objectsIn, textIn, type Json, type Rest} from './rest.ts'

const POLL_MS = 2000
/** Last lines of a failed build that an error shows. */
const SHOWN_LINES = 15
/** How often to look for the end of the log once the build has ended: Cloud Logging may be seconds behind. */
const LATE_LOOKS = 5
/** The last line of Cloud Build's own; those of steps begin with `Step #0`. */
const LAST_LINE = /^(?:DONE$|ERROR: )/
/** Status of a build that has not ended (cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#status). */
const GOING = new Set(['STATUS_UNKNOWN', 'PENDING', 'QUEUED', 'WORKING'])

/** Needed besides the clients that already exist. */
interface Parts {
  readonly projectId: string
  readonly region: string
  readonly rest: Rest
  readonly objects: ObjectStore
  readonly project: Pick<Project, 'bucketOwner' | 'buckets'>
  /** Waits between polls; for tests. */
  readonly pause?: (milliseconds: number) => Promise<unknown>
}

/** Cloud Build over REST: https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.builds */
export function createBuilds({projectId, region, rest, objects, project, pause = delay}: Parts): Builds {
  const parent = `/v1/projects/${projectId}/locations/${region}/builds`

  /** Reports what the build does and prints, until it has ended. @returns the build, and its log as far as it is known */
  async function follow(
    id: string,
    signal: AbortSignal,
    step: (text: string) => void,
  ): Promise<{build: Json; log: readonly string[]}> {
    const log: string[] = []
    const newLines = createLogReader(rest, projectId, id)
    const readLog = async () => {
      for (const line of await newLines()) {
        log.push(line)
        step(line)
      }
    }
    let before = ''
    for (;;) {
      signal.throwIfAborted()
      const build = await rest.request('cloudbuild', 'GET', `${parent}/${id}`)
      const status = textIn(build, 'status') ?? ''
      const hasEnded = !GOING.has(status)
      const doing = status === 'WORKING' ? stepOf(build) : 'waiting for a machine'
      if (!hasEnded && doing !== before) step(`Cloud Build: ${doing}`)
      before = doing
      await readLog()
      if (hasEnded) {
        for (
          let look = 0;
          look < LATE_LOOKS && log.length > 0 && !log.some((line) => LAST_LINE.test(line));
          look++
        ) {
          await pause(POLL_MS)
          await readLog()
        }
        return {build, log}
      }
      await pause(POLL_MS)
    }
  }

  function failed(build: Json, id: string, log: readonly string[]): AppError {
    const status = textIn(build, 'status') ?? 'without a status'
    const info = isJsonObject(build['failureInfo']) ? build['failureInfo'] : undefined
    const reason = textIn(info, 'detail') ?? textIn(build, 'statusDetail')
    const account = textIn(build, 'serviceAccount')?.replace(/^.*\//, '') ?? 'BUILD-ACCOUNT'
    const mayNot = ['PUSH_NOT_AUTHORIZED', 'FETCH_SOURCE_FAILED'].includes(textIn(info, 'type') ?? '')
    const message = `Cloud Build ended with ${status}${reason === undefined ? '' : `: ${reason}`}`
    const lastLines = log.slice(-SHOWN_LINES).map((line) => `  ${line}`)
    return new AppError([message, ...lastLines].join('\n'), {
      code: status === 'TIMEOUT' ? 'timeout' : mayNot ? 'permission-denied' : 'worker-build-failed',
      suggestions: [
        ...(mayNot
          ? [
              `Let the build read its source and push: gcloud projects add-iam-policy-binding ${projectId} --member=serviceAccount:${account} --role=roles/run.builder`,
            ]
          : []),
        `See its log: ${textIn(build, 'logUrl') ?? `gcloud builds log ${id} --region ${region} --project ${projectId}`}`,
      ],
    })
  }

  /** @returns whether it was created. A bucket of another project could read the source, or replace it. */
  async function provideBucket(bucket: string, pipeline: string): Promise<boolean> {
    const owner = await project.bucketOwner(bucket)
    if (owner === 'ours') return false
    if (owner === 'other')
      throw new AppError(
        `The bucket name ${bucket}, for the source of a build, is taken by another project.`,
        {
          code: 'conflict',
          suggestions: [suggest`Build with docker instead: ${command('deploy', '--builder', 'docker')}`],
        },
      )
    await rest.request('storage', 'POST', `/storage/v1/b?project=${projectId}`, {
      name: bucket,
      location: region.toUpperCase(),
      labels: {[PIPELINE_LABEL]: pipeline},
      iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: 'enforced'},
      softDeletePolicy: {retentionDurationSeconds: '0'},
    })
    return true
  }

  async function run(
    body: Json,
    {signal, step}: {signal: AbortSignal; step: (text: string) => void},
  ): Promise<Json> {
    // If only the answer is lost, a second build starts; the first pushes the same image.
    const operation = await rest.request('cloudbuild', 'POST', parent, body).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'permission-denied') throw error
      throw new AppError(error.message, {
        code: error.code,
        suggestions: [
          `Let yourself build: gcloud projects add-iam-policy-binding ${projectId} --member=user:YOU --role=roles/cloudbuild.builds.editor`,
        ],
        cause: error,
      })
    })
    const metadata = isJsonObject(operation['metadata']) ? operation['metadata'] : {}
    const started = isJsonObject(metadata['build']) ? metadata['build'] : {}
    const id = textIn(started, 'id')
    if (id === undefined) throw new AppError('Cloud Build returned no build id.', {code: 'invalid-request'})
    step(`Cloud Build: ${textIn(started, 'logUrl') ?? id}`)
    try {
      const {build, log} = await follow(id, signal, step)
      if (textIn(build, 'status') !== 'SUCCESS') throw failed(build, id, log)
      return build
    } catch (error) {
      // The interruption counts, even if the build cannot be cancelled.
      if (signal.aborted)
        await rest.request('cloudbuild', 'POST', `${parent}/${id}:cancel`, {}).catch(() => undefined)
      throw error
    }
  }

  return {
    async removeSource({name, pipeline}, doing) {
      const isOurs = (await project.buckets()).some(
        (bucket) => bucket.name === name && bucket.pipeline === pipeline,
      )
      if (!isOurs) return false
      await emptyBucket(rest, name, doing)
      return (await rest.delete('storage', `/storage/v1/b/${name}`)) !== undefined
    },

    async build({source, recipe, image, labels, push, bucket: {name: bucket, pipeline}, signal, step}) {
      const isOurs = await provideBucket(bucket, pipeline)
      const object = `source/${randomUUID()}.tgz`
      try {
        step('Upload the source')
        const {generation} = await objects.upload({bucket, name: object, source: {stream: source}, signal})
        const build = await run(
          {
            source: {storageSource: {bucket, object, generation}},
            steps: stepsOf(recipe, image, labels),
            ...(push ? {images: [image]} : {}),
            options: {logging: 'CLOUD_LOGGING_ONLY'},
          },
          {signal, step},
        )
        return push ? digestOf(build, image) : undefined
      } finally {
        // What came of the build counts, even if its source cannot be deleted.
        await objects
          .delete(bucket, object)
          .catch((error: unknown) => step(`Could not delete gs://${bucket}/${object}: ${messageOf(error)}`))
        // Another build may still have its source there.
        if (isOurs) await rest.delete('storage', `/storage/v1/b/${bucket}`).catch(() => {})
      }
    },
  }
}

/**
 * Reads what a build has printed since the last call. The lines are in Cloud Logging: a build whose account may not
 * write to a bucket has no other log. Without permission to read them, there are none.
 */
function createLogReader(rest: Rest, projectId: string, id: string): () => Promise<string[]> {
  const seen = new Set<string>()
  let since: string | undefined
  let isAllowed = true
  const filter = `logName="projects/${projectId}/logs/cloudbuild" AND resource.type="build" AND resource.labels.build_id="${id}"`
  return async () => {
    if (!isAllowed) return []
    const answer = await rest
      .request('logging', 'POST', '/v2/entries:list', {
        resourceNames: [`projects/${projectId}`],
        filter: since === undefined ? filter : `${filter} AND timestamp>="${since}"`,
        orderBy: 'timestamp asc',
        pageSize: 1000,
      })
      .catch((error: unknown): Json => {
        // What the build does counts, even if its log cannot be read.
        if (!(error instanceof AppError)) throw error
        isAllowed = error.code !== 'permission-denied'
        return {}
      })
    return objectsIn(answer, 'entries').flatMap((entry) => {
      const key = textIn(entry, 'insertId') ?? ''
      const line = (textIn(entry, 'textPayload') ?? '').trimEnd()
      since = textIn(entry, 'timestamp') ?? since
      if (seen.has(key) || line === '') return []
      seen.add(key)
      return [line]
    })
  }
}

/** `$` begins a substitution in a build, and `$$` stands for it. */
function stepsOf(recipe: BuildRecipe, image: string, labels: Readonly<Record<string, string>>): Json[] {
  const labelled = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`])
  const escaped = (args: readonly string[]) => args.map((arg) => arg.replaceAll('$', '$$$$'))
  const docker = 'gcr.io/cloud-builders/docker'
  if (recipe !== 'buildpacks')
    return [
      {
        name: docker,
        args: escaped(['build', '--file', recipe.dockerfile, ...labelled, '--tag', image, '.']),
      },
    ]
  return [
    {
      name: 'gcr.io/k8s-skaffold/pack',
      entrypoint: 'pack',
      args: ['build', image, '--builder', 'gcr.io/buildpacks/builder:latest', '--network', 'cloudbuild'],
    },
    {
      name: docker,
      entrypoint: 'bash',
      args: escaped(['-c', 'echo "FROM $0" | docker build "$@" -', image, ...labelled, '--tag', image]),
    },
  ]
}

/** `step 1 of 2, gcr.io/cloud-builders/docker` */
function stepOf(build: Json): string {
  const steps = objectsIn(build, 'steps')
  const index = steps.findIndex((step) => textIn(step, 'status') === 'WORKING')
  if (index === -1) return 'starting'
  return `step ${index + 1} of ${steps.length}, ${textIn(steps[index], 'name')}`
}

function digestOf(build: Json, image: string): string {
  const results = isJsonObject(build['results']) ? build['results'] : {}
  const pushed = objectsIn(results, 'images').find((each) => textIn(each, 'name') === image)
  const digest = textIn(pushed, 'digest')
  if (digest !== undefined) return digest
  throw new AppError(`Cloud Build reports no digest for ${image}.`, {code: 'invalid-request'})
}
