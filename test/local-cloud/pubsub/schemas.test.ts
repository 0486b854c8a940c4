import {Encodings, type PubSub, SchemaTypes, SchemaViews} from '@google-cloud/pubsub'
import {describe, expect, test} from 'vitest'
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

describe('once deleted,', () => {
  const PATH = 'schemas/records'
  const NAME = `projects/p/${PATH}`

  /** A schema with the revisions `a` to `d`, each a message of one text of that name. */
  async function withRevisions() {
    const server = await startPubsub()
    const content = (field: string): object => ({
      type: 'PROTOCOL_BUFFER',
      definition: `syntax = "proto3"; message Record { string ${field} = 1; }`,
    })
    const ids: string[] = []
    for (const field of 'abcd') {
      const {status, body} =
        field === 'a'
          ? await server.call('POST', 'schemas?schemaId=records', content(field))
          : await server.call('POST', `${PATH}:commit`, {schema: content(field)})
      expect(status).toBe(200)
      ids.push(String(body['revisionId']))
    }
    const [a = '', b = '', c = '', d = ''] = ids
    return {
      call: (method: string, path: string) => server.call(method, path),
      revisions: {a, b, c, d},
      createSchema: (field: string) => server.call('POST', 'schemas?schemaId=records', content(field)),
      createTopic: async (topic: string, settings: object = {}) => {
        const schemaSettings = {schema: NAME, encoding: 'JSON', ...settings}
        return (await server.call('PUT', `topics/${topic}`, {schemaSettings})).status
      },
      removeRevision: async (id: string) => {
        expect((await server.call('DELETE', `${PATH}@${id}:deleteRevision`)).status).toBe(200)
      },
      /** The fields whose messages the topic takes. */
      taken: async (topic: string) => {
        let fields = ''
        for (const field of 'abcd') {
          const messages = [{data: base64(JSON.stringify({[field]: 'x'}))}]
          if ((await server.call('POST', `topics/${topic}:publish`, {messages})).status === 200)
            fields += field
        }
        return fields
      },
    }
  }

  test('revisions are no longer allowed, and those next to them become the bounds', async () => {
    const {revisions, createTopic, removeRevision, taken, call} = await withRevisions()
    await createTopic('all')
    await createTopic('to-c', {lastRevisionId: revisions.c})
    await createTopic('from-b', {firstRevisionId: revisions.b})
    await createTopic('b-and-c', {firstRevisionId: revisions.b, lastRevisionId: revisions.c})
    const takenByAll = async (): Promise<string[]> => [
      await taken('all'),
      await taken('to-c'),
      await taken('from-b'),
      await taken('b-and-c'),
    ]
    expect(await takenByAll()).toEqual(['abcd', 'abc', 'bcd', 'bc'])
    await removeRevision(revisions.c)
    expect(await takenByAll()).toEqual(['abd', 'ab', 'bd', 'b'])
    await removeRevision(revisions.b)
    expect(await takenByAll()).toEqual(['ad', 'a', 'd', ''])
    await removeRevision(revisions.d)
    expect(await takenByAll()).toEqual(['a', 'a', '', ''])
    const {body} = await call('GET', 'schemas?view=BASIC')
    expect(body['schemas']).toEqual([expect.objectContaining({revisionId: revisions.a})])
    expect((await call('GET', `${PATH}@${revisions.b}`)).status).toBe(404)
    expect((await call('DELETE', `${PATH}@${revisions.a}:deleteRevision`)).status).toBe(400)
  })

  test('a schema leaves its topics without one, and another of its name does not govern them', async () => {
    const {createTopic, createSchema, taken, call} = await withRevisions()
    await createTopic('all')
    expect(await taken('all')).toBe('abcd')
    await call('DELETE', PATH)
    const settings = {schema: '_deleted-schema_', encoding: 'JSON'}
    expect((await call('GET', 'topics/all')).body).toMatchObject({schemaSettings: settings})
    expect((await createSchema('a')).status).toBe(200)
    expect(await taken('all')).toBe('')
    await createTopic('new')
    expect(await taken('new')).toBe('a')
  })

  test('a topic is refused whose bounds are the wrong way around, or whose schema has a revision', async () => {
    const {revisions, createTopic} = await withRevisions()
    expect(await createTopic('topic', {firstRevisionId: revisions.c, lastRevisionId: revisions.b})).toBe(400)
    expect(await createTopic('topic', {schema: `${NAME}@${revisions.a}`})).toBe(400)
    expect(await createTopic('topic', {firstRevisionId: revisions.b, lastRevisionId: revisions.b})).toBe(200)
  })
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
