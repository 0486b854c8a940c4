/** A message as a publisher sends it. */
export interface NewMessage {
  /** Base64. */
  readonly data?: string
  readonly attributes?: Readonly<Record<string, string>>
  readonly orderingKey?: string
}

/** What other services of the local cloud may do with Pub/Sub. */
export interface Publishing {
  /** Whether a topic `projects/P/topics/T` exists. */
  hasTopic(topic: string): boolean
  /**
   * Publishes to an existing topic inside the caller's `State.write`, so that the message and the change it
   * reports become durable together; delivery starts after the commit.
   * @returns the message ids
   */
  publishInTransaction(topic: string, messages: readonly NewMessage[]): string[]
}
