/** An undelivered message, without its content. */
export interface WaitingMessage {
  readonly messageId: string
  readonly publishTime: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A message with its content. */
export interface TakenMessage extends WaitingMessage {
  readonly data: Uint8Array
}

/** The part of Pub/Sub that core needs. */
export interface Messages {
  /** Reads at most `limit` messages of a pull subscription and puts them back immediately. */
  peek(subscription: string, options: {limit: number; signal: AbortSignal}): Promise<WaitingMessage[]>
  /**
   * Passes every message of a pull subscription to `work`, a few at the same time. If it returns true the message is
   * acknowledged; the others are put back at the end. If interrupted, unacknowledged messages stay in the subscription.
   */
  take(
    subscription: string,
    work: (message: TakenMessage) => Promise<boolean>,
    options: {signal: AbortSignal},
  ): Promise<void>
  /** Publishes to a topic. Retried if the answer is lost, so at least once. @returns the message's id */
  publish(
    topic: string,
    message: Pick<TakenMessage, 'data' | 'attributes'>,
    options: {signal: AbortSignal},
  ): Promise<string>
}
