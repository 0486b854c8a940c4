import {
  BEGUN,
  RESULT_METADATA,
  sidecarObject,
  type DoneFields,
  type HandOver,
  type Outcome,
  type Sidecar,
} from '../contract.ts'
import {PermanentError, type ProcessContext} from '../processor.ts'
import {disposeOfInput} from './afterwards.ts'
import {newerResult} from '../outcome.ts'
import {commitMetadata, decide, isSameRun, type Committed} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import {reportCancelled} from './cancellation.ts'
import {leadTasks} from './first-task.ts'
import {executionOf, handOver, reportHandedOver} from './hand-over.ts'
import {findInput, GenerationGone, type OpenedInput} from './input.ts'
import type {Log} from './log.ts'
import {readNamedObject} from './named-object.ts'
import {createObjectWriter, createOutput} from './output.ts'
import {createOutputs, refuseTaken, removeOutputs} from './outputs.ts'
import {recordFault, reportSuperseded} from './record-fault.ts'
import {
  isExecution,
  originMetadata,
  originOf,
  type Origin,
  provenanceOf,
  reportMetadata,
} from './provenance.ts'
import type {Run} from './run.ts'
import {findCommitted, findSidecars, Superseded, writeSidecar} from './sidecars.ts'
import {ABSENT, isPreconditionFailed} from './storage/index.ts'
import {DeadlinePassed, type Worker} from './worker.ts'

/** Another delivery of the object may commit first, between the check and the commit: how often to start again. */
const MOST_ROUNDS = 3

/**
 * Processes the file of a notification, with its effect exactly once however often it is delivered: sidecars first,
 * the result last and only if the previous object has not changed since it was checked. A permanent fault is recorded
 * in `error.json`, once the bytes that the process received are known to be the stored ones.
 * @param onCommit called before the first of several outputs: from then on, a cancellation comes too late
 * @returns the outcome; all of these are acknowledged
 * @throws transient errors: refuse the delivery
 */
export async function processFile(
  worker: Worker,
  delivery: Delivery,
  log: Log,
  signal: AbortSignal,
  onCommit: () => void,
): Promise<Outcome> {
  const startedAt = new Date()
  const run: Run = {
    worker,
    delivery,
    log,
    signal,
    onCommit,
    startedAt,
    metadata: commitMetadata(delivery, startedAt),
  }
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const outcome = await attempt(run)
    if (outcome !== 'conflict') return outcome
    log('INFO', 'another delivery changed the result meanwhile: starting again', {round})
  }
  throw new Error(`The result changed ${MOST_ROUNDS} times during processing.`)
}

async function attempt(run: Run): Promise<Outcome | 'conflict'> {
  const finding = findInput(run.worker.storage, run.delivery, run.signal)
  try {
    return await attemptOn(finding, run)
  } finally {
    const input = await finding.catch(() => undefined)
    input?.close()
  }
}

async function attemptOn(finding: Promise<OpenedInput | undefined>, run: Run): Promise<Outcome | 'conflict'> {
  const {worker, delivery, log, signal} = run
  const {event} = delivery
  const {storage} = worker
  const {job, outputBucket} = worker.settings
  const findSidecar = (name: Sidecar): Promise<Committed | undefined> =>
    findCommitted(storage, {bucket: outputBucket, object: sidecarObject(event.object, name)})
  const [input, single, outputs, error, mark] = await Promise.all([
    finding,
    findCommitted(storage, {bucket: outputBucket, object: event.object}),
    findSidecar('outputs.json'),
    findSidecar('error.json'),
    mayBeHandedOver(worker, delivery) ? findSidecar('job.json') : undefined,
  ])
  signal.throwIfAborted()

  const result = newerResult(single, outputs)
  const decision = decide(delivery, result, error)
  if (decision.kind === 'superseded') {
    log('INFO', `superseded: newer generation ${decision.by} was processed`, {outcome: 'superseded'})
    return 'superseded'
  }
  if (decision.kind === 'duplicate') {
    if (decision.staleError) {
      await storage.remove({
        bucket: outputBucket,
        object: sidecarObject(event.object, 'error.json'),
        generation: decision.staleError.outputGeneration,
      })
    }
    if (decision.of === 'result' && outputs !== undefined && result !== outputs)
      await removeOutputs(storage, outputBucket, event.object, outputs)
    const isLeft = decision.of === 'result' && input !== undefined
    const disposed = isLeft ? await disposeOfInput(worker, delivery, log) : undefined
    log('INFO', `duplicate: this generation already has its ${decision.of}`, {
      outcome: 'duplicate',
      of: decision.of,
      input: disposed,
    })
    return 'duplicate'
  }
  if (decision.kind === 'cancelled') return reportCancelled(log)
  if (input === undefined) {
    log('INFO', 'gone: this generation was overwritten or deleted before it was processed', {outcome: 'gone'})
    return 'gone'
  }
  if (input.file.metadata[RESULT_METADATA.sourceGeneration] !== undefined) {
    log('WARNING', 'skipped: the object is the result of a worker, processing it could loop forever', {
      outcome: 'skipped',
    })
    return 'skipped'
  }
  const execution = job === undefined ? undefined : executionOf(mark, delivery)
  if (execution !== undefined) return reportHandedOver(execution, log)
  const reason = reasonForJob(worker, input.file.sizeBytes)
  if (reason !== undefined) return handOver(worker, delivery, log, reason, signal)
  const origin = originOf(worker.environment, mark)
  const metadata = {...run.metadata, ...originMetadata(origin)}
  return produce({...run, metadata}, origin, input, {single, outputs, error})
}

/**
 * Whether a job may have the file. At its first delivery it has none, except for a second notification, of which
 * `handOver` finds out before it starts another execution.
 */
function mayBeHandedOver({settings, environment}: Worker, delivery: Delivery): boolean {
  return isExecution(environment) || (settings.job !== undefined && delivery.attempt > 1)
}

/** Why a file of this size goes straight to the job; `undefined`: it is processed here. */
function reasonForJob({settings, pace}: Worker, bytes: number): HandOver['reason'] | undefined {
  const {job, ownDeadlineMs} = settings
  if (job === undefined) return undefined
  if (bytes >= job.thresholdBytes) return 'size'
  const predictedMs = pace.predictMs(bytes)
  return predictedMs !== undefined && ownDeadlineMs !== undefined && predictedMs > ownDeadlineMs
    ? 'prediction'
    : undefined
}

/** Runs the process on the input and commits its result. */
async function produce(
  run: Run,
  origin: Origin,
  input: OpenedInput,
  seen: {
    readonly single: Committed | undefined
    readonly outputs: Committed | undefined
    readonly error: Committed | undefined
  },
): Promise<Outcome | 'conflict'> {
  const {worker, delivery, log, signal, metadata} = run
  const {event} = delivery
  const {storage} = worker
  const {outputBucket} = worker.settings
  const target = {object: event.object, generation: event.generation, metadata}
  // With the first result of an object come its first sidecars.
  const sidecars =
    (seen.single ?? seen.outputs) === undefined
      ? undefined
      : findSidecars(storage, outputBucket, event.object)
  const marks = {
    ...metadata,
    [RESULT_METADATA.sourceSize]: String(input.metadata.sizeBytes),
    [RESULT_METADATA.sourceCreated]: input.metadata.timeCreated,
  }
  let contentType = input.file.contentType ?? 'application/octet-stream'
  const resultOptions = () => ({
    metadata: marks,
    expectedGeneration: seen.single?.outputGeneration ?? ABSENT,
    contentType,
  })
  const whole = createObjectWriter(
    storage,
    {bucket: outputBucket, object: event.object},
    resultOptions,
    signal,
    input.file.sizeBytes,
  )
  const first = leadTasks(run, input, whole, resultOptions)
  const result = first?.result ?? whole
  const outputs = createOutputs({
    storage,
    bucket: outputBucket,
    object: event.object,
    generation: event.generation,
    metadata: marks,
    signal,
    single: seen.single,
    mark: seen.outputs,
  })
  const {output, sidecars: produced} = createOutput({
    result,
    setContentType: (value) => (contentType = value),
    file: outputs.file,
  })
  const context: ProcessContext = {
    signal,
    environment: worker.environment,
    readObject: (uri) => readNamedObject(storage, uri, signal),
    ...(first === undefined ? {} : {tasks: first.tasks}),
    log,
  }
  const startedMs = performance.now()
  const tookMs = () => performance.now() - startedMs
  // At once, even if the process never checks its signal. A shutdown says nothing about the file.
  const onAbort = () => {
    if (signal.reason instanceof DeadlinePassed) worker.pace.learnAbandoned(input.file.sizeBytes, tookMs())
  }
  signal.addEventListener('abort', onAbort, {once: true})
  try {
    log('INFO', BEGUN, {processor: worker.processor.name, inputBytes: input.file.sizeBytes})
    await worker.processor.process(input.file, output, context)
    signal.throwIfAborted()
    worker.pace.learn(input.file.sizeBytes, tookMs())
    result.flush()
    const processedAt = new Date()
    const provenance = provenanceOf(origin, input.metadata, processedAt)
    await Promise.all(
      [...produced].map(async ([name, content]) => {
        const facts = name === 'report.json' ? reportMetadata(content) : {}
        const marked = {...target, metadata: {...metadata, ...facts}}
        const full = {...content, run: provenance}
        const known = await sidecars?.get(name)
        await writeSidecar(storage, outputBucket, marked, name, full, known, signal)
      }),
    )
    if (outputs.count > 0) {
      signal.throwIfAborted()
      // Half of the outputs replaced would be neither the earlier result nor the new one.
      run.onCommit()
      if (!(await outputs.commit())) return 'conflict'
    } else {
      if (seen.single?.source !== undefined) refuseTaken(event.object, event.object, seen.single)
      if (await isConflict(run, () => result.commit())) return 'conflict'
      if (seen.outputs) await removeOutputs(storage, outputBucket, event.object, seen.outputs)
    }
    if (seen.error) {
      await storage.remove({
        bucket: outputBucket,
        object: sidecarObject(event.object, 'error.json'),
        generation: seen.error.outputGeneration,
      })
    }
    const disposed = await disposeOfInput(worker, delivery, log)
    log('INFO', 'done', {
      ...doneFields(run, processedAt, produced.get('report.json')),
      inputBytes: input.file.sizeBytes,
      ...(outputs.count > 0
        ? {resultBytes: outputs.sizeBytes, outputs: outputs.count}
        : {resultBytes: result.sizeBytes}),
      ...(disposed === undefined ? {} : {input: disposed}),
    } satisfies DoneFields)
    return 'done'
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PermanentError) {
      // It may come of bytes that were damaged on their way, which their checksum would have shown at the end.
      await input.verify()
      return await recordFault(run, error, seen)
    }
    if (isGone(error)) {
      log('INFO', 'gone: this generation was overwritten or deleted while being read', {outcome: 'gone'})
      return 'gone'
    }
    if (error instanceof Superseded) return reportSuperseded(run, error)
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    await first?.stop()
  }
}

/** Commits the result. @returns true if another delivery changed the object since it was checked */
async function isConflict(run: Run, commit: () => Promise<unknown>): Promise<boolean> {
  try {
    await commit()
    return false
  } catch (error) {
    if (!isPreconditionFailed(error)) throw error
    // A retry after a lost response fails against its own success.
    const {event} = run.delivery
    const bucket = run.worker.settings.outputBucket
    const there = await findCommitted(run.worker.storage, {bucket, object: event.object})
    return there === undefined || !isSameRun(there, run.metadata)
  }
}

function doneFields(
  {worker, delivery, startedAt}: Run,
  processedAt: Date,
  report: object | undefined,
): Omit<DoneFields, 'inputBytes' | 'resultBytes'> {
  const finishedAt = new Date()
  const published = Date.parse(delivery.publishTime)
  return {
    outcome: 'done',
    processor: worker.processor.name,
    publishedAt: delivery.publishTime,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    waitMs: startedAt.getTime() - published,
    processMs: processedAt.getTime() - startedAt.getTime(),
    writeMs: finishedAt.getTime() - processedAt.getTime(),
    totalMs: finishedAt.getTime() - published,
    ...(report !== undefined && 'rows' in report ? {rows: report.rows} : {}),
  }
}

function isGone(error: unknown): boolean {
  return error instanceof GenerationGone || (error instanceof Error && isGone(error.cause))
}
