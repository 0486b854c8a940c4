import {randomUUID} from 'node:crypto'
import {RESULT_METADATA, sidecarObject, WORKER_ENVIRONMENT, type HandOver, type Outcome} from '../contract.ts'
import {commitMetadata, isSameRun, toCommitted, type Committed} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import type {Log} from './log.ts'
import {ABSENT, isPreconditionFailed, type Storage} from './storage/index.ts'
import {Interrupted, type Worker} from './worker.ts'

/** So long the start of an execution may take; a claim that is older was left by a worker that is gone. */
const CLAIM_MS = 60_000

/** Custom metadata of the mark by which a worker knows its own. */
const CLAIM_ID = 'claim'

const RUN_ENDPOINT = 'https://run.googleapis.com'

/**
 * Hands a delivery over to the job: one execution for each generation, and for each request to process it again.
 * `job.json` beside the result is the mark: written before an execution is asked for, and again with its id, each time
 * only over what was there before. A worker that ends between the two leaves a claim, which another takes over after a
 * minute; at worst there are two executions then, of which one finds the other's result.
 * @throws what is transient, and where another worker is starting the execution at this moment: to be refused
 */
export async function handOver(
  worker: Worker,
  delivery: Delivery,
  log: Log,
  reason: HandOver['reason'],
  signal: AbortSignal,
): Promise<Outcome> {
  const {job, outputBucket} = worker.settings
  if (job === undefined) throw new Error('There is no job to hand over to.')
  const {storage} = worker
  const mark = createMark(storage, outputBucket, delivery, reason)
  const there = await mark.read()
  const execution = executionOf(there, delivery)
  if (execution !== undefined) return reportHandedOver(execution, log)
  const isClaimed = there !== undefined && isOfDelivery(there, delivery)
  if (isClaimed && Date.now() - there.createdAt < CLAIM_MS) {
    throw new Interrupted('another delivery is handing it over')
  }
  signal.throwIfAborted()
  const claim = await mark.write(null, there?.outputGeneration ?? ABSENT)
  const started = await startExecution(worker, storage, job.name, delivery).catch(async (error: unknown) => {
    await mark.remove(claim)
    throw error
  })
  await mark.write(started, claim)
  log('INFO', `handed over to execution ${started} of the job`, {
    outcome: 'handed-over',
    execution: started,
    reason,
  })
  return 'handed-over'
}

/** The execution that has a delivery's work in hand, by the mark that is there. */
export function executionOf(mark: Committed | undefined, delivery: Delivery): string | undefined {
  return mark !== undefined && isOfDelivery(mark, delivery)
    ? mark.metadata[RESULT_METADATA.execution]
    : undefined
}

export function reportHandedOver(execution: string, log: Log): Outcome {
  log('INFO', `handed over already, to execution ${execution}`, {outcome: 'handed-over', execution})
  return 'handed-over'
}

/** Whether a mark is of this generation and this request. */
function isOfDelivery({source, metadata}: Committed, {event}: Delivery): boolean {
  return source === BigInt(event.generation) && metadata[RESULT_METADATA.reprocessId] === event.reprocessId
}

function createMark(storage: Storage, bucket: string, delivery: Delivery, reason: HandOver['reason']) {
  const {object, generation} = delivery.event
  const name = {bucket, object: sidecarObject(object, 'job.json')}
  // The same message may be with two workers in the same millisecond.
  const common = {...commitMetadata(delivery, new Date()), [CLAIM_ID]: randomUUID()}
  const read = async (): Promise<Committed | undefined> => {
    const metadata = await storage.find(name)
    return metadata === undefined ? undefined : toCommitted(metadata)
  }
  return {
    read,
    /** @returns the mark's own generation. @throws Interrupted where another has written it meanwhile */
    async write(execution: string | null, expectedGeneration: string): Promise<string> {
      const content: HandOver = {object, generation, execution, reason}
      const metadata = {
        ...common,
        ...(execution === null ? {} : {[RESULT_METADATA.execution]: execution}),
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
        // A repeated request whose first answer was lost fails against its own success.
        const there = await read()
        if (there !== undefined && isSameRun(there, metadata)) return there.outputGeneration
        throw new Interrupted('another delivery has handed it over meanwhile')
      }
    },
    async remove(expectedGeneration: string): Promise<void> {
      // What cannot be removed is a claim that ends by itself.
      await storage.remove({...name, generation: expectedGeneration}).catch(() => {})
    },
  }
}

/**
 * Starts an execution that gets the delivery in a variable.
 * https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run
 * @returns its id
 */
async function startExecution(
  {environment}: Worker,
  storage: Storage,
  job: string,
  delivery: Delivery,
): Promise<string> {
  // A local cloud knows the caller by the address that it gave it.
  const local = environment['CLOUD_RUNNER_ENDPOINT']
  const token = local === undefined ? await storage.accessToken?.() : undefined
  const env = [{name: WORKER_ENVIRONMENT.delivery, value: JSON.stringify(delivery)}]
  const response = await fetch(`${local ?? RUN_ENDPOINT}/v2/${job}:run`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? {authorization: `Bearer ${token}`} : {}),
    },
    body: JSON.stringify({overrides: {containerOverrides: [{env}]}}),
    signal: AbortSignal.timeout(CLAIM_MS / 2),
  })
  const text = await response.text()
  if (!response.ok) {
    throw new Error(`Job ${job} cannot be run (HTTP ${response.status}): ${messageOf(text)}`)
  }
  const name = executionIn(text)
  if (name === undefined) throw new Error(`Job ${job} was run, and the answer names no execution.`)
  return name.slice(name.lastIndexOf('/') + 1)
}

/** The operation's metadata is the execution. */
function executionIn(text: string): string | undefined {
  const operation: unknown = JSON.parse(text)
  const metadata =
    typeof operation === 'object' && operation !== null && 'metadata' in operation
      ? operation.metadata
      : undefined
  return typeof metadata === 'object' &&
    metadata !== null &&
    'name' in metadata &&
    typeof metadata.name === 'string'
    ? metadata.name
    : undefined
}

/** Of an error body of Google's, or its beginning. */
function messageOf(text: string): string {
  const message = /"message":\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1]
  return message === undefined ? text.slice(0, 300) : String(JSON.parse(message))
}
