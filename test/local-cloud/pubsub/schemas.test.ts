import {Encodings, type PubSub, SchemaTypes, SchemaViews} from '@google-cloud/pubsub'
import {expect, test} from 'vitest'
import {startPubsub} from '../../support/pubsub-server.ts'

const AVRO = JSON.stringify({
  type: 'record',
  name: 'Province',
  fields: [
    {name: 'name', type: 'string'},
    {name: 'size', type: 'int', default: 0},
  ],
})
/** The client hands texts on as bytes in base64. */
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const PROTO = 'syntax = "proto3"; message Province { string name = 1; int32 size = 2; }'

async function withTopic(
  type: (typeof SchemaTypes)[keyof typeof SchemaTypes],
  definition: string,
  encoding: 'JSON' | 'BINARY',
): Promise<{
  client: PubSub
  publish: (data: string | Buffer) => Promise<string>
  received: () => Promise<unknown>
}> {
  const {client} = await startPubsub()
  const schema = await client.createSchema('province', type, definition)
  const [topic] = await client.createTopic({
    name: 'provinces',
    schemaSettings: {schema: await schema.getName(), encoding},
  })
  const [subscription] = await topic.createSubscription('all')
  return {
    client,
    publish: (data) => topic.publishMessage({data: Buffer.from(data)}),
    async received() {
      const message = await new Promise<{attributes: object}>((resolve, reject) => {
        subscription.on('error', reject).on('message', (each) => {
          each.ack()
          resolve(each)
        })
      })
      await subscription.close()
      return message.attributes
    },
  }
}

test.each([
  ['Avro in JSON', SchemaTypes.Avro, AVRO, 'JSON', '{"name":"Yukon","size":1}', '{"size":1}'],
  ['Avro in binary', SchemaTypes.Avro, AVRO, 'BINARY', Buffer.from([4, 65, 66, 2]), Buffer.from([4, 65])],
  ['Protocol Buffers in JSON', SchemaTypes.ProtocolBuffer, PROTO, 'JSON', '{"name":"Yukon"}', '{"nam":"x"}'],
  [
    'Protocol Buffers in binary',
    SchemaTypes.ProtocolBuffer,
    PROTO,
    'BINARY',
    Buffer.from([10, 1, 65]),
    Buffer.from([10, 9, 65]),
  ],
] as const)(
  'a topic takes only what fits its schema: %s',
  async (_name, type, definition, encoding, good, bad) => {
    const {client, publish, received} = await withTopic(type, definition, encoding)
    await expect(publish(bad)).rejects.toThrow(/INVALID_ARGUMENT: Invalid data in message/)
    await publish(good)
    const {revisionId} = await client.schema('province').get(SchemaViews.Basic)
    expect(await received()).toEqual({
      googclient_schemaname: 'projects/p/schemas/province',
      googclient_schemaencoding: encoding,
      googclient_schemarevisionid: revisionId,
    })
  },
)

test('a schema has revisions, the newest first, and a topic takes those that it allows', async () => {
  const {client, publish} = await withTopic(SchemaTypes.Avro, AVRO, 'JSON')
  const schemas = await client.getSchemaClient()
  const name = 'projects/p/schemas/province'
  const [first] = await schemas.getSchema({name})
  const wider = AVRO.replace('"string"', '["string", "long"]')
  const [second] = await schemas.commitSchema({name, schema: {name, type: 'AVRO', definition: wider}})
  expect((await client.schema('province').get(SchemaViews.Full)).definition).toBe(wider)
  await publish('{"name":"Yukon","size":1}')
  await publish('{"name":{"long":7},"size":1}')

  await client.topic('provinces').setMetadata({
    schemaSettings: {schema: name, encoding: 'JSON', lastRevisionId: first.revisionId ?? ''},
  })
  await expect(publish('{"name":{"long":7},"size":1}')).rejects.toThrow('Invalid data in message')

  const [third] = await schemas.rollbackSchema({name, revisionId: first.revisionId ?? ''})
  expect(third.definition).toBe(AVRO)
  await schemas.deleteSchemaRevision({name: `${name}@${second.revisionId ?? ''}`})
  const [revisions] = await schemas.listSchemaRevisions({name})
  expect(revisions.map(({revisionId}) => revisionId)).toEqual([third.revisionId, first.revisionId])

  await client.schema('province').delete()
  await expect(publish('{"name":"Yukon","size":1}')).rejects.toThrow(/FAILED_PRECONDITION.*was deleted/)
})

test('a definition that cannot be read, and a message by itself, are checked before they are used', async () => {
  const {client} = await startPubsub()
  for (const [type, definition] of [
    [SchemaTypes.Avro, '{"not_actually":"avro"}'],
    [SchemaTypes.Avro, 'no schema'],
    [SchemaTypes.ProtocolBuffer, 'message A {} message B {}'],
  ] as const) {
    await expect(client.createSchema('bad', type, definition)).rejects.toThrow(
      /INVALID_ARGUMENT: Invalid schema definition/,
    )
  }
  const schema = await client.createSchema('good', SchemaTypes.Avro, AVRO)
  await schema.validateMessage(base64('{"name":"x","size":1}'), Encodings.Json)
  await expect(schema.validateMessage(base64('{"foo":"bar"}'), Encodings.Json)).rejects.toThrow(
    'Invalid data in message',
  )
})
