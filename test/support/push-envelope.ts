/** The body of a Pub/Sub push that carries a notification of Cloud Storage, as Google sends it. */
export function pushEnvelope(event: {
  bucket: string
  object: string
  generation: string
  eventType?: string
  reprocessId?: string
  messageId?: string
  publishTime?: string
  attempt?: number
  /** The object resource in its payload. */
  payload?: object
}): object {
  const {messageId = '1', publishTime = new Date().toISOString()} = event
  return {
    message: {
      attributes: {
        notificationConfig: `projects/_/buckets/${event.bucket}/notificationConfigs/1`,
        eventType: event.eventType ?? 'OBJECT_FINALIZE',
        payloadFormat: event.payload === undefined ? 'NONE' : 'JSON_API_V1',
        bucketId: event.bucket,
        objectId: event.object,
        objectGeneration: event.generation,
        eventTime: publishTime,
        ...(event.reprocessId === undefined ? {} : {'reprocess-id': event.reprocessId}),
      },
      ...(event.payload === undefined
        ? {}
        : {data: Buffer.from(JSON.stringify(event.payload)).toString('base64')}),
      messageId,
      message_id: messageId,
      publishTime,
      publish_time: publishTime,
    },
    subscription: 'projects/demo/subscriptions/worker',
    deliveryAttempt: event.attempt ?? 1,
  }
}
