import {randomUUID} from 'node:crypto'
import {RESULT_METADATA, sidecarObject, WORKER_ENVIRONMENT, type HandOver, type Outcome} from '../contract.ts'
import {commitMetadata, isSameRun, toCommitted, type Committed} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import {openInput} from './input.ts'
import type {Log} from './log.ts'
import {ABSENT, isPreconditionFailed, type Storage} from './storage/index.ts'
import {Interrupted, type Worker} from './worker.ts'

/** How long starting an execution may take; an older claim was left behind by a worker that ended. */
const CLAIM_MS = 60_000

/** Custom metadata by which a worker recognizes its own mark. */
const CLAIM_ID = 'claim'

const RUN_ENDPOINT = 'https://run.googleapis.com'

/**
 * Hands a delivery over to the job: one execution per generation and per request to process it again. `job.json`
 * beside the result is the mark: written before the execution is requested, then with its id, each time with a
 * precondition on the previous one. A worker that ends between the two leaves a claim, which another takes over after
 * a minute; at worst two executions run, and one finds the other's result.
 * @throws transient errors, also if another worker is starting the execution right now: refuse the delivery
 */
export async function handOver(
  worker: Worker,
  delivery: Delivery,
  log: Log,
  reason: HandOver['reason'],
  signal: AbortSignal,
): Promise<Outcome> {
  const {job, outputBucket} = worker.settings
  if (job === undefined) throw new Error('No job to hand over to: JOB is not set.')
  const {storage} = worker
  const mark = createMark(storage, outputBucket, delivery, reason)
  const there = await mark.read()
  const execution = executionOf(there, delivery)
  if (execution !== undefined) return reportHandedOver(execution, log)
  const isClaimed = there !== undefined && isOfDelivery(there, delivery)
  if (isClaimed && Date.now() - Date.parse(there.timeCreated) < CLAIM_MS) {
    throw new Interrupted('another delivery is handing the file over')
  }
  signal.throwIfAborted()
  const claim = await mark.write(undefined, there?.outputGeneration ?? ABSENT)
  const started = await startExecution(worker, job, delivery, signal).catch(async (error: unknown) => {
    await mark.remove(claim)
    throw error
  })
  await mark.write(started, claim)
  log('INFO', `handed over to execution ${started.id} of the job`, {
    outcome: 'handed-over',
    execution: started.id,
    reason,
  })
  return 'handed-over'
}

/** The execution that does a delivery's work, according to the mark. */
export function executionOf(mark: Committed | undefined, delivery: Delivery): string | undefined {
  return mark !== undefined && isOfDelivery(mark, delivery)
    ? mark.metadata[RESULT_METADATA.execution]
    : undefined
}

export function reportHandedOver(execution: string, log: Log): Outcome {
  log('INFO', `already handed over to execution ${execution}`, {outcome: 'handed-over', execution})
  return 'handed-over'
}

/** Whether a mark belongs to this generation and this request. */
function isOfDelivery({source, metadata}: Committed, {event}: Delivery): boolean {
  return source === BigInt(event.generation) && metadata[RESULT_METADATA.reprocessId] === event.reprocessId
}

function createMark(storage: Storage, bucket: string, delivery: Delivery, reason: HandOver['reason']) {
  const {object, generation} = delivery.event
  const name = {bucket, object: sidecarObject(object, 'job.json')}
  // Two workers may get the same message in the same millisecond.
  const common = {
    ...commitMetadata(delivery, new Date()),
    [RESULT_METADATA.handOver]: reason,
    [CLAIM_ID]: randomUUID(),
  }
  const read = async (): Promise<Committed | undefined> => {
    const metadata = await storage.find(name)
    return metadata === undefined ? undefined : toCommitted(metadata)
  }
  return {
    read,
    /** @returns the mark's own generation. @throws Interrupted if another worker wrote it meanwhile */
    async write(started: StartedExecution | undefined, expectedGeneration: string): Promise<string> {
      const content: HandOver = {object, generation, execution: started?.id ?? null, reason}
      const metadata = {
        ...common,
        ...(started === undefined ? {} : {[RESULT_METADATA.execution]: started.id}),
        ...(started?.image === undefined ? {} : {[RESULT_METADATA.image]: started.image}),
      }
      try {
        const written = await storage.write(name, [Buffer.from(`${JSON.stringify(content)}\n`)], {
          contentType: 'application/json',
          metadata,
          expectedGeneration,
        })
        return written.generation
      } catch (error) {
        if (!isPreconditionFailed(error)) throw error
        // A retry after a lost response fails against its own success.
        const there = await read()
        if (there !== undefined && isSameRun(there, metadata)) return there.outputGeneration
        throw new Interrupted('another delivery handed the file over meanwhile')
      }
    },
    async remove(expectedGeneration: string): Promise<void> {
      // A claim that cannot be removed expires.
      await storage.remove({...name, generation: expectedGeneration}).catch(() => {})
    },
  }
}

interface StartedExecution {
  readonly id: string
  /** Digest of its image, if the job names one. */
  readonly image: string | undefined
}

/**
 * Starts an execution that receives the delivery in an environment variable.
 * https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run
 */
async function startExecution(
  worker: Worker,
  {name: job, tasks}: NonNullable<Worker['settings']['job']>,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<StartedExecution> {
  const {environment, storage} = worker
  const taskCount = tasks > 1 && (await suitsParts(worker, delivery, signal)) ? tasks : 1
  // The local cloud identifies the caller by its endpoint.
  const local = environment['CLOUD_RUNNER_ENDPOINT']
  const token = local === undefined ? await storage.accessToken?.() : undefined
  const env = [
    {name: WORKER_ENVIRONMENT.delivery, value: JSON.stringify({...delivery, described: undefined})},
  ]
  const response = await fetch(`${local ?? RUN_ENDPOINT}/v2/${job}:run`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? {authorization: `Bearer ${token}`} : {}),
    },
    body: JSON.stringify({overrides: {containerOverrides: [{env}], ...(taskCount > 1 ? {taskCount} : {})}}),
    signal: AbortSignal.timeout(CLAIM_MS / 2),
  })
  const text = await response.text()
  if (!response.ok) {
    throw new Error(`Cannot run job ${job} (HTTP ${response.status}): ${messageOf(text)}`)
  }
  const started = executionIn(text)
  if (started === undefined)
    throw new Error(`Job ${job} was run, but the response does not name its execution.`)
  return started
}

/** Whether several tasks can write the result of the file: others would only cost. */
async function suitsParts(
  {processor: {parts}, storage}: Worker,
  {event: {bucket, object, generation}}: Delivery,
  signal: AbortSignal,
): Promise<boolean> {
  if (parts === undefined) return false
  const name = {bucket, object, generation}
  const metadata = await storage.find(name)
  // Of packed content, a part begins nowhere.
  if (metadata === undefined || metadata.contentEncoding !== undefined) return false
  const input = openInput(storage, name, metadata, signal)
  try {
    return await parts.suit(input.file)
  } finally {
    input.close()
  }
}

/** The execution, which is the operation's metadata. */
function executionIn(text: string): StartedExecution | undefined {
  const operation: unknown = JSON.parse(text)
  const {metadata}: {metadata?: unknown} = Object(operation)
  const {name, template}: {name?: unknown; template?: unknown} = Object(metadata)
  if (typeof name !== 'string') return undefined
  const {containers}: {containers?: unknown} = Object(template)
  const {image}: {image?: unknown} = Object(Array.isArray(containers) ? containers[0] : undefined)
  const digest = typeof image === 'string' ? /sha256:[0-9a-f]{64}$/.exec(image)?.[0] : undefined
  return {id: name.slice(name.lastIndexOf('/') + 1), image: digest}
}

/** The message in one of Google's error bodies, or the start of any other text. */
function messageOf(text: string): string {
  const message = /"message":\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1]
  return message === undefined ? text.slice(0, 300) : String(JSON.parse(message))
}
