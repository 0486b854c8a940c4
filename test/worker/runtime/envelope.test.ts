import {describe, expect, it} from 'vitest'
import {MalformedEnvelope, parsePush} from '../../../worker/runtime/envelope.ts'
import {pushEnvelope} from '../../support/push-envelope.ts'

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

describe('parsePush', () => {
  it('reads what Pub/Sub sends', () => {
    const body = pushEnvelope({
      bucket: 'in',
      object: 'a/ü.csv',
      generation: '1732287600123456',
      messageId: '77',
      publishTime: '2026-11-22T13:39:25.293Z',
      attempt: 3,
      reprocessId: 'r1',
    })
    expect(parsePush(bytes(body))).toEqual({
      messageId: '77',
      publishTime: '2026-11-22T13:39:25.293Z',
      attempt: 3,
      project: 'demo',
      event: {
        eventType: 'OBJECT_FINALIZE',
        bucket: 'in',
        object: 'a/ü.csv',
        generation: '1732287600123456',
        reprocessId: 'r1',
      },
    })
  })

  it('accepts snake-case names alone, and no attempt without a dead-letter policy', () => {
    const attributes = {
      eventType: 'OBJECT_DELETE',
      bucketId: 'in',
      objectId: 'a',
      objectGeneration: '5',
    }
    const delivery = parsePush(
      bytes({message: {attributes, message_id: '1', publish_time: '2026-11-22T13:39:25Z'}}),
    )
    expect(delivery).toMatchObject({messageId: '1', attempt: 1, project: undefined})
  })

  it.each([
    ['no JSON', Buffer.from('hello'), 'the body is not JSON'],
    ['an array', bytes([]), 'the body is not an object'],
    ['no message', bytes({}), 'message is missing'],
    ['no attributes', bytes({message: {}}), 'message.attributes is missing'],
    [
      'an empty object name',
      bytes(pushEnvelope({bucket: 'in', object: '', generation: '1'})),
      'message.attributes.objectId',
    ],
    [
      'a generation that is none',
      bytes(pushEnvelope({bucket: 'in', object: 'a', generation: '1e3'})),
      'message.attributes.objectGeneration is "1e3"',
    ],
    [
      'a publish time that is none',
      bytes(pushEnvelope({bucket: 'in', object: 'a', generation: '1', publishTime: 'noon'})),
      'message.publishTime is "noon"',
    ],
    [
      'an attempt that is none',
      bytes(pushEnvelope({bucket: 'in', object: 'a', generation: '1', attempt: 0})),
      'deliveryAttempt',
    ],
  ])('refuses %s and names the field', (_, body, message) => {
    expect(() => parsePush(body)).toThrow(MalformedEnvelope)
    expect(() => parsePush(body)).toThrow(message)
  })
})
