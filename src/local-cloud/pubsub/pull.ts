import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call, Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import type {RpcService, StreamHandler} from '../wire/rpc.ts'
import {formatAckId, parseAckId, refuse} from './ack-ids.ts'
import type {Deliveries} from './deliveries.ts'
import type {DeliveryQueue} from './delivery-queue.ts'
import {Consumer} from './ordering.ts'
import type {MessageStore} from './message-store.ts'
import {parseSubscriptionName} from './names.ts'
import type {PullSource} from './pull-source.ts'
import {takeAnswer} from './pull-source.ts'
import type {ResourceStore} from './resource-store.ts'
import {openStream} from './streaming-pull.ts'
import type {StreamingPullRequest} from './streaming-pull.ts'

/** How long a pull waits for a message; Google says "a bounded amount of time". */
const WAIT_MS = 20_000
const LONGEST_DEADLINE_SECONDS = 600

/** The methods of google.pubsub.v1.Subscriber that receive and acknowledge messages. */
export function createPull({
  clock,
  access,
  resources,
  messages,
  deliveries,
}: {
  clock: Clock
  access: AccessControl
  resources: ResourceStore
  messages: MessageStore
  deliveries: Deliveries
}): {unary: RpcService['unary']; streams: NonNullable<RpcService['streams']>} {
  function find(name: string, principal: Principal): {key: number; queue: DeliveryQueue} {
    parseSubscriptionName(name)
    access.require(principal, 'pubsub.subscriptions.consume', name)
    const {key} = resources.subscription(name)
    return {key, queue: deliveries.queue(key)}
  }

  function source(name: string, principal: Principal): PullSource {
    const {key, queue} = find(name, principal)
    const {push, detached, ordered} = queue.settings
    if (detached)
      throw new ApiError('FAILED_PRECONDITION', `The subscription is detached (resource=${name}).`)
    if (push !== undefined)
      throw new ApiError('FAILED_PRECONDITION', 'This method is not supported for this subscription type.')
    return {
      key,
      queue,
      ordered,
      receive(lease) {
        const message = messages.load(lease.message)
        if (message === undefined) return []
        return [
          {
            ackId: formatAckId(key, lease),
            message,
            ...(queue.settings.deadLetter === undefined ? {} : {deliveryAttempt: lease.attempt}),
          },
        ]
      },
    }
  }

  async function pull(
    request: {subscription?: string; maxMessages?: number; returnImmediately?: boolean},
    {principal, signal}: Call,
  ): Promise<object> {
    const {subscription = '', maxMessages = 0, returnImmediately = false} = request
    const from = source(subscription, principal)
    const {queue} = from
    if (maxMessages <= 0)
      throw new ApiError('INVALID_ARGUMENT', `Invalid max_messages: ${maxMessages} is not a positive number.`)
    if (!returnImmediately && !queue.hasReady) await ready(queue, signal, clock)
    if (queue.closed !== undefined) throw queue.closed
    if (signal.aborted) throw new ApiError('CANCELLED', 'The pull was cancelled.')
    const consumer = new Consumer()
    const received = takeAnswer(from, maxMessages, () =>
      queue.take(queue.settings.ackDeadlineMs, () => undefined, {consumer}),
    )
    return received.length === 0 ? {} : {receivedMessages: received}
  }

  async function acknowledge(
    {subscription = '', ackIds = []}: {subscription?: string; ackIds?: string[]},
    {principal}: Call,
  ): Promise<object> {
    const {key, queue} = find(subscription, principal)
    if (ackIds.length === 0) throw new ApiError('INVALID_ARGUMENT', 'No ack ids specified.')
    const refused = await queue.acknowledge(ackIds.map((text) => parseAckId(text, key)))
    refuse(refused.map(({text}) => text))
    return {}
  }

  function modifyAckDeadline(
    request: {subscription?: string; ackIds?: string[]; ackDeadlineSeconds?: number},
    {principal}: Call,
  ): object {
    const {subscription = '', ackIds = [], ackDeadlineSeconds = 0} = request
    const {key, queue} = find(subscription, principal)
    if (ackIds.length === 0) throw new ApiError('INVALID_ARGUMENT', 'No ack ids specified.')
    if (ackDeadlineSeconds < 0 || ackDeadlineSeconds > LONGEST_DEADLINE_SECONDS)
      throw new ApiError(
        'INVALID_ARGUMENT',
        `Invalid ack deadline given (ackDeadlineSeconds=${ackDeadlineSeconds}). It must be between 0 and ${LONGEST_DEADLINE_SECONDS} seconds.`,
      )
    const refused = ackIds
      .map((text) => parseAckId(text, key))
      .filter((delivered) => !queue.extend(delivered, ackDeadlineSeconds * 1000))
    refuse(refused.map(({text}) => text))
    return {}
  }

  const streamingPull: StreamHandler<StreamingPullRequest, object> = (requests, {principal, signal}) =>
    openStream(requests, signal, (name) => source(name, principal))

  return {
    unary: {Pull: pull, Acknowledge: acknowledge, ModifyAckDeadline: modifyAckDeadline},
    streams: {StreamingPull: streamingPull},
  }
}

/** Resolves when the queue has a message or closes, or after `WAIT_MS`. */
async function ready(queue: DeliveryQueue, signal: AbortSignal, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      timer.clear()
      unwatch()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(WAIT_MS, done)
    const unwatch = queue.watch(done)
    signal.addEventListener('abort', done)
  })
}
