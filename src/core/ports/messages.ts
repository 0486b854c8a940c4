/** A message that nobody has taken, as a look at it shows. */
export interface WaitingMessage {
  readonly messageId: string
  readonly publishTime: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A message with its content. */
export interface TakenMessage extends WaitingMessage {
  readonly data: Uint8Array
}

/** Pub/Sub, as far as core needs it. */
export interface Messages {
  /** Looks at messages of a pull subscription and puts them back at once; at most `limit`. */
  peek(subscription: string, options: {limit: number; signal: AbortSignal}): Promise<WaitingMessage[]>
  /**
   * Gives every message of a pull subscription to `work`, a few at the same time. Where that says true the message is
   * acknowledged; the others are put back at the end. What is interrupted in between stays in the subscription.
   */
  take(
    subscription: string,
    work: (message: TakenMessage) => Promise<boolean>,
    options: {signal: AbortSignal},
  ): Promise<void>
  /** Publishes to a topic. Sent again where the answer is lost, so at least once. @returns the message's id */
  publish(
    topic: string,
    message: Pick<TakenMessage, 'data' | 'attributes'>,
    options: {signal: AbortSignal},
  ): Promise<string>
}
