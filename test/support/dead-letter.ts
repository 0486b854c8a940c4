import {notificationOf} from '../../src/core/files/notification.ts'
import type {Context} from '../../src/core/ports/context.ts'
import type {StoredObject} from '../../src/core/ports/objects.ts'

/** A dead letter as Pub/Sub makes it after the last attempt. */
export async function deadLetter({cloud, pipeline, signal}: Context, object: StoredObject): Promise<void> {
  const {data, attributes} = notificationOf(object, undefined)
  const added = {
    CloudPubSubDeadLetterSourceDeliveryCount: '5',
    CloudPubSubDeadLetterSourceSubscription: pipeline.names.subscription,
  }
  const letter = {data, attributes: {...attributes, ...added}}
  await cloud.messages.publish(pipeline.names.deadLetterTopic, letter, {signal})
}
