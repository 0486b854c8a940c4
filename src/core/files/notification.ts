import {RESULT_METADATA} from '../../../worker/contract.ts'
import type {TakenMessage} from '../ports/messages.ts'
import type {StoredObject} from '../ports/objects.ts'

/** What a Cloud Storage notification is about. */
export interface Notified {
  readonly object: string
  readonly generation: string
  /** Present if it was requested by `reprocess`. */
  readonly reprocessId: string | undefined
}

/** @returns `undefined` if the attributes are not those of a notification of this bucket */
export function readNotification(
  attributes: Readonly<Record<string, string>>,
  bucket: string,
): Notified | undefined {
  const {objectId: object, objectGeneration: generation, bucketId} = attributes
  if (object === undefined || generation === undefined || bucketId !== bucket) return undefined
  return {object, generation, reprocessId: attributes[RESULT_METADATA.reprocessId]}
}

/**
 * The notification that Cloud Storage would publish about an object now
 * (cloud.google.com/storage/docs/pubsub-notifications), with the object resource as far as it is known.
 * @param reprocessId makes the worker process it again even if it is done
 */
export function notificationOf(
  object: StoredObject,
  reprocessId: string | undefined,
): Pick<TakenMessage, 'data' | 'attributes'> {
  const {bucket, name, generation, sizeBytes, contentType, crc32c, timeCreated, metadata} = object
  return {
    data: Buffer.from(
      JSON.stringify({
        kind: 'storage#object',
        bucket,
        name,
        generation,
        size: String(sizeBytes),
        contentType,
        crc32c,
        timeCreated,
        metadata,
      }),
    ),
    attributes: {
      eventType: 'OBJECT_FINALIZE',
      payloadFormat: 'JSON_API_V1',
      bucketId: bucket,
      objectId: name,
      objectGeneration: generation,
      eventTime: timeCreated,
      ...(reprocessId === undefined ? {} : {[RESULT_METADATA.reprocessId]: reprocessId}),
    },
  }
}
