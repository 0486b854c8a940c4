import {ApiError} from '../wire/api-error.ts'
import {type AckId, parseAckId} from './ack-ids.ts'
import {Consumer, type Lease} from './ordering.ts'
import type {PullSource, ReceivedMessage} from './pull-source.ts'
import {takeAnswer} from './pull-source.ts'

/** google.pubsub.v1.StreamingPullRequest in proto3 JSON. */
export interface StreamingPullRequest {
  subscription?: string
  ackIds?: string[]
  modifyDeadlineSeconds?: number[]
  modifyDeadlineAckIds?: string[]
  streamAckDeadlineSeconds?: number
  maxOutstandingMessages?: string
  maxOutstandingBytes?: string
}

const ACK_DEADLINE_SECONDS = {least: 10, most: 600}

function limit(value: string | undefined): number {
  const most = Number(value ?? 0)
  return most > 0 ? most : Number.POSITIVE_INFINITY
}

function deadlineMs(seconds: number | undefined): number {
  if (seconds === undefined || seconds < ACK_DEADLINE_SECONDS.least || seconds > ACK_DEADLINE_SECONDS.most)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid stream_ack_deadline_seconds: ${seconds ?? 0} is not between ${ACK_DEADLINE_SECONDS.least} and ${ACK_DEADLINE_SECONDS.most}.`,
    )
  return seconds * 1000
}

/** One stream of messages to one client, with the limits from its first request. */
class PullStream {
  readonly #source: PullSource
  readonly #limits: {readonly messages: number; readonly bytes: number}
  #deadlineMs: number
  readonly #outstanding = {messages: 0, bytes: 0}
  readonly #confirmations: object[] = []
  readonly #consumer = new Consumer(() => this.#wake())
  #wake: () => void = () => undefined
  /** Acknowledgements that are not durable yet. */
  #acknowledging = 0
  #end: {readonly error?: unknown} | undefined

  constructor(source: PullSource, first: StreamingPullRequest) {
    this.#source = source
    this.#limits = {messages: limit(first.maxOutstandingMessages), bytes: limit(first.maxOutstandingBytes)}
    this.#deadlineMs = deadlineMs(first.streamAckDeadlineSeconds)
  }

  /** Applies a later request. @throws ApiError INVALID_ARGUMENT */
  apply(request: StreamingPullRequest): void {
    const {ackIds = [], modifyDeadlineAckIds = [], modifyDeadlineSeconds = []} = request
    const {key, queue} = this.#source
    if (
      modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length ||
      modifyDeadlineSeconds.some((value) => value < 0)
    )
      throw new ApiError(
        'INVALID_ARGUMENT',
        'modify_deadline_seconds needs one value for each of modify_deadline_ack_ids, none of them negative.',
      )
    if ((request.streamAckDeadlineSeconds ?? 0) !== 0)
      this.#deadlineMs = deadlineMs(request.streamAckDeadlineSeconds)
    if (ackIds.length > 0)
      void this.#acknowledge(
        ackIds,
        ackIds.map((text) => parseAckId(text, key)),
      )
    const refused = modifyDeadlineAckIds.flatMap((text, index) => {
      const delivered = parseAckId(text, key)
      return queue.extend(delivered, (modifyDeadlineSeconds[index] ?? 0) * 1000) ? [] : [delivered]
    })
    if (modifyDeadlineAckIds.length > 0)
      this.#confirm('modifyAckDeadlineConfirmation', modifyDeadlineAckIds, refused)
  }

  async #acknowledge(ackIds: readonly string[], delivered: readonly AckId[]): Promise<void> {
    this.#acknowledging += 1
    try {
      const refused = await this.#source.queue.acknowledge(delivered)
      this.#confirm('acknowledgeConfirmation', ackIds, refused)
    } catch {
      // It did not become durable, so the queue takes it back and delivers the message again.
      this.#confirm('acknowledgeConfirmation', [], [], ackIds)
    } finally {
      this.#acknowledging -= 1
      this.#wake()
    }
  }

  /** With exactly-once delivery the client learns what counts. */
  #confirm(
    kind: string,
    asked: readonly string[],
    refused: readonly {readonly text: string}[],
    temporaryFailedAckIds: readonly string[] = [],
  ): void {
    if (!this.#source.queue.settings.exactlyOnce) return
    const invalidAckIds = refused.map(({text}) => text)
    const ackIds = asked.filter((text) => !invalidAckIds.includes(text))
    this.#confirmations.push({[kind]: {ackIds, invalidAckIds, temporaryFailedAckIds}})
    this.#wake()
  }

  /** Ends the stream, with the error if there is one. */
  end(error?: unknown): void {
    this.#end ??= error === undefined ? {} : {error}
    this.#wake()
  }

  async *answers(): AsyncGenerator<object, void> {
    const {queue, ordered} = this.#source
    const unwatch = queue.watch(() => this.#wake())
    try {
      yield {
        subscriptionProperties: {
          exactlyOnceDeliveryEnabled: queue.settings.exactlyOnce,
          messageOrderingEnabled: ordered,
        },
      }
      for (;;) {
        // Armed before it looks: what happens while the client takes an answer wakes it too.
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        for (let next = this.#confirmations.shift(); next !== undefined; next = this.#confirmations.shift())
          yield next
        if (queue.closed !== undefined) throw queue.closed
        if (queue.settings.push !== undefined || queue.settings.detached)
          throw new ApiError(
            'FAILED_PRECONDITION',
            'This method is not supported for this subscription type.',
          )
        if (this.#end !== undefined) {
          if (this.#end.error !== undefined) throw this.#end.error
          if (this.#acknowledging === 0) return
        }
        const receivedMessages = this.#end === undefined ? this.#take() : []
        if (receivedMessages.length > 0) yield {receivedMessages}
        else await woken
      }
    } finally {
      unwatch()
    }
  }

  #take(): ReceivedMessage[] {
    return takeAnswer(this.#source, this.#limits.messages, () =>
      this.#outstanding.messages < this.#limits.messages && this.#outstanding.bytes < this.#limits.bytes
        ? this.#lease()
        : undefined,
    )
  }

  #lease(): Lease | undefined {
    const {queue} = this.#source
    const lease = queue.take(
      this.#deadlineMs,
      () => {
        if (lease === undefined) return
        this.#outstanding.messages -= 1
        this.#outstanding.bytes -= lease.bytes
        this.#wake()
      },
      {consumer: this.#consumer},
    )
    if (lease !== undefined) {
      this.#outstanding.messages += 1
      this.#outstanding.bytes += lease.bytes
    }
    return lease
  }
}

/**
 * Serves google.pubsub.v1.Subscriber/StreamingPull. Messages that are leased when the stream ends stay with the client
 * until their deadline.
 * @param find the subscription that the first request names, for this caller
 */
export async function* openStream(
  requests: AsyncIterable<StreamingPullRequest>,
  signal: AbortSignal,
  find: (name: string) => PullSource,
): AsyncGenerator<object, void> {
  const iterator = requests[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) return
  const stream = new PullStream(find(first.value.subscription ?? ''), first.value)
  stream.apply({...first.value, streamAckDeadlineSeconds: 0})
  const read = async (): Promise<void> => {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
      stream.apply(next.value)
  }
  read().then(
    () => stream.end(),
    (error: unknown) => stream.end(signal.aborted ? undefined : error),
  )
  const abort = (): void => stream.end()
  signal.addEventListener('abort', abort)
  try {
    yield* stream.answers()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
