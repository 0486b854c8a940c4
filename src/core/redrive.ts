import {type Context} from './ports/context.ts'
import {AppError} from './errors.ts'
import {readDeadLetters} from './files/dead-letters.ts'
import {findDeparted} from './files/departed.ts'
import type {FileStatus} from './files/files.ts'
import {exactly, patternOf} from './files/names.ts'
import {selectionAmong} from './files/select.ts'
import {readNotification} from './files/notification.ts'
import {type TakenMessage} from './ports/messages.ts'
import {awaitedAgain, findError, type AwaitedFile} from './files/wait.ts'
import {notSetUp} from './service/not-set-up.ts'
import {commandFor, suggest} from './suggestion.ts'

export interface RedriveResult {
  /** Sent back, each once. */
  readonly redriven: readonly AwaitedFile[]
  /**
   * Removed dead letters without an input to process: `input` says where one went whose result exists, others were
   * deleted or overwritten.
   */
  readonly gone: readonly (Pick<AwaitedFile, 'object' | 'generation'> & Pick<FileStatus, 'input'>)[]
}

/** Attributes that Pub/Sub adds to a dead letter; the original notification had none of them. */
const ADDED_ATTRIBUTE = /^CloudPubSubDeadLetter/

/**
 * The objects whose dead letters `redrive` would send back; changes nothing.
 * @param objects names, folders and globs; empty: all
 * @throws AppError `object-unknown` that names those without a dead letter; `not-set-up`
 */
export async function planRedrive(objects: readonly string[], context: Context): Promise<string[]> {
  const letters = await readDeadLetters(context).catch((error: unknown) => {
    throw error instanceof AppError && error.code === 'not-found' ? notSetUp(context, error) : error
  })
  const dead = new Set([...letters.values()].map(({object}) => object))
  const selection = await selectionAmong((name) => dead.has(name), objects)
  const patterns = new Map([
    ...[...selection.names].map((name) => [name, exactly(name)] as const),
    ...selection.patterns.map((text) => [text, patternOf(text)] as const),
  ])
  const unknown = [...patterns].flatMap(([text, pattern]) =>
    dead.values().some((name) => pattern.matches(name)) ? [] : [text],
  )
  const [first] = unknown
  if (first !== undefined) {
    throw new AppError(`No dead letter for ${unknown.join(', ')}.`, {
      code: 'object-unknown',
      suggestions: [
        suggest`See its state: ${commandFor('status', first)}`,
        suggest`Or process it again anyway: ${commandFor('reprocess', first)}`,
      ],
    })
  }
  if (objects.length === 0) return [...dead]
  return [...dead].filter((name) => patterns.values().some((pattern) => pattern.matches(name)))
}

/**
 * Sends dead letters back: publishes the original notification to the uploads topic, and only then acknowledges the
 * dead letter. If interrupted, one may be sent twice but none is lost, and the worker processes each once.
 * @param objects as returned by `planRedrive`
 */
export async function redrive(objects: readonly string[], context: Context): Promise<RedriveResult> {
  const {cloud, pipeline, signal, step} = context
  const {inputBucket, topic, deadLetterSubscription} = pipeline.names
  const chosen = new Set(objects)
  const redriven = new Map<string, AwaitedFile>()
  const gone = new Map<string, RedriveResult['gone'][number]>()

  async function sendBack(message: TakenMessage): Promise<boolean> {
    const notified = readNotification(message.attributes, inputBucket)
    if (notified === undefined || !chosen.has(notified.object)) return false
    const {object, generation, reprocessId} = notified
    const key = JSON.stringify([object, generation, reprocessId])
    const file = await cloud.objects.stat(inputBucket, object, generation)
    if (file === undefined) {
      const departed = await findDeparted(object, context)
      const hasResult = departed?.input.generation === generation
      gone.set(key, {object, generation, ...(hasResult ? {input: departed.input.input} : {})})
      return true
    }
    const attributes = Object.fromEntries(
      Object.entries(message.attributes).filter(([name]) => !ADDED_ATTRIBUTE.test(name)),
    )
    const awaited = awaitedAgain(file, reprocessId, await findError(object, context))
    await cloud.messages.publish(topic, {data: message.data, attributes}, {signal})
    redriven.set(key, awaited)
    step(object)
    return true
  }

  await cloud.messages.take(deadLetterSubscription, sendBack, {signal})
  return {
    redriven: [...redriven.values()],
    gone: [...gone.values()],
  }
}
