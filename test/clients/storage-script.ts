import {createHash} from 'node:crypto'
import {gzipSync} from 'node:zlib'
import type {Observations} from '../support/documented-differences.ts'

/** A Cloud Storage server, and the Pub/Sub server that its notifications go to. */
export interface StorageServers {
  readonly storage: string
  readonly pubsub: string
  /** An existing topic that the server may publish to, and its one subscription. */
  readonly topic: string
  readonly subscription: string
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Record<string, unknown>
}

type Send = (
  method: string,
  path: string,
  body?: object | string | Buffer,
  headers?: Record<string, string>,
) => Promise<Answer>

const UNIT = 256 * 1024
const MULTIPART = 'multipart/related; boundary=b'

/** The same calls to a Cloud Storage server, whichever it is. */
export async function observe(servers: StorageServers): Promise<Observations> {
  const send: Send = async (method, path, body, headers = {}) => {
    const response = await fetch(path.startsWith('http') ? path : `${servers.storage}${path}`, {
      method,
      redirect: 'manual',
      headers,
      ...(body === undefined ? {} : {body: bytesOf(body)}),
    })
    const text = await response.text()
    return {status: response.status, headers: response.headers, text, body: json(text)}
  }
  return {
    ...(await buckets(send)),
    ...(await uploads(send)),
    ...(await downloads(send)),
    ...(await lists(send)),
    ...(await changes(send)),
    ...(await preconditions(send)),
    ...(await resumableUploads(send)),
    ...(await notifications(send, servers)),
    ...(await removals(send)),
  }
}

async function buckets(send: Send): Promise<Observations> {
  const make = (body: object): Promise<Answer> => send('POST', '/storage/v1/b?project=p', body)
  const made = await make({name: 'first', location: 'EUROPE-WEST3', labels: {a: 'b'}})
  return {
    'a bucket is created': made.status,
    'the location of a bucket': made.body['location'],
    'the labels of a bucket': made.body['labels'],
    'a bucket is created again': outcome(await make({name: 'first'})),
    'a bucket with capitals in its name': outcome(await make({name: 'First'})),
    'a missing bucket': outcome(await send('GET', '/storage/v1/b/missing')),
    'a versioned bucket is created': (await make({name: 'versions', versioning: {enabled: true}})).body[
      'versioning'
    ],
    'the list of buckets': names(await send('GET', '/storage/v1/b?project=p')),
    'the buckets with a prefix': names(await send('GET', '/storage/v1/b?project=p&prefix=f')),
    'new labels of a bucket': (await send('PATCH', '/storage/v1/b/first', {labels: {c: 'd'}})).body['labels'],
    'the policy of a bucket': Object.keys((await send('GET', '/storage/v1/b/first/iam')).body).toSorted(),
    'the layout of a bucket': (await send('GET', '/storage/v1/b/first/storageLayout')).status,
  }
}

async function uploads(send: Send): Promise<Observations> {
  const media = (query: string, headers = {}, body = 'a,b\n1,2\n'): Promise<Answer> =>
    send('POST', `/upload/storage/v1/b/first/o?uploadType=media&${query}`, body, {
      'content-type': 'text/csv',
      ...headers,
    })
  const multipart = (metadata: object, content: string): Promise<Answer> =>
    send(
      'POST',
      '/upload/storage/v1/b/first/o?uploadType=multipart',
      `--b\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(metadata)}\r\n--b\r\ncontent-type: text/csv\r\n\r\n${content}\r\n--b--`,
      {'content-type': MULTIPART},
    )
  const stored = await media('name=dir/ü.csv')
  const described = await multipart({name: 'dir/described.csv', metadata: {k: 'v'}}, 'x')
  const md5 = createHash('md5').update('other').digest('base64')
  const packed = gzipSync('row\n'.repeat(1000))
  await send(
    'POST',
    '/upload/storage/v1/b/first/o?uploadType=media&name=packed&contentEncoding=gzip',
    packed,
    {'content-type': 'text/plain'},
  )
  return {
    'an object in one request': pick(stored.body, [
      'kind',
      'name',
      'bucket',
      'size',
      'contentType',
      'md5Hash',
      'crc32c',
      'metageneration',
      'storageClass',
    ]),
    'the access control of an object': stored.body['acl'] === undefined ? 'absent' : 'there',
    'an object with metadata': pick(described.body, ['name', 'metadata', 'contentType']),
    'an object in a missing bucket': outcome(
      await send('POST', '/upload/storage/v1/b/missing/o?uploadType=media&name=x', 'x'),
    ),
    'an object without a name': outcome(await media('')),
    'an object with a name of 1,025 bytes': outcome(await media(`name=${'n'.repeat(1025)}`)),
    'an upload of an unknown type': outcome(
      await send('POST', '/upload/storage/v1/b/first/o?uploadType=other&name=x', 'x'),
    ),
    'bytes that do not match the MD5 sent': outcome(await multipart({name: 'wrong', md5Hash: md5}, 'bytes')),
    'bytes that do not match the CRC32C sent': outcome(
      await media('name=wrong', {'x-goog-hash': 'crc32c=AAAAAA=='}),
    ),
    'a multipart upload that breaks off': outcome(
      await send('POST', '/upload/storage/v1/b/first/o?uploadType=multipart', '--b\r\n\r\n{"name":"cut"}', {
        'content-type': MULTIPART,
      }),
    ),
  }
}

async function downloads(send: Send): Promise<Observations> {
  const path = '/storage/v1/b/first/o/dir%2F%C3%BC.csv'
  const range = async (value: string): Promise<unknown> => {
    const {status, text, headers} = await send('GET', `${path}?alt=media`, undefined, {range: value})
    return status === 416 ? status : [status, text, headers.get('content-range')]
  }
  const whole = await send('GET', `${path}?alt=media`)
  const head = await send('HEAD', '/first/dir/%C3%BC.csv')
  const packed = await send('GET', '/storage/v1/b/first/o/packed?alt=media', undefined, {
    'accept-encoding': 'identity',
  })
  const missing = await send('GET', '/storage/v1/b/first/o/missing')
  return {
    'a download': [whole.status, whole.text],
    "a download's headers": [
      'accept-ranges',
      'content-type',
      'content-length',
      'x-goog-hash',
      'x-goog-metageneration',
      'x-goog-storage-class',
      'x-goog-stored-content-encoding',
      'x-goog-stored-content-length',
    ].map((name) => `${name}: ${whole.headers.get(name) ?? 'absent'}`),
    'a download by the XML API': (await send('GET', '/first/dir/%C3%BC.csv')).text,
    'HEAD by the XML API': [head.status, head.headers.get('content-length')],
    'a range': await range('bytes=2-4'),
    'the last bytes': await range('bytes=-3'),
    'a range beyond the end': await range('bytes=100-'),
    'a range that ends before it begins': await range('bytes=5-2'),
    'a download of a gzipped object by a client that does not accept gzip': [
      packed.status,
      packed.text.length,
    ],
    'a missing object': outcome(missing),
    "an error's form": Object.keys(object(missing.body['error'])).toSorted(),
    'a download of a missing object': outcome(await send('GET', '/storage/v1/b/first/o/missing?alt=media')),
  }
}

async function lists(send: Send): Promise<Observations> {
  for (const name of ['l/a', 'l/b/1', 'l/b/2', 'l/b/', 'l/c', 'l/ü'])
    await send('POST', `/upload/storage/v1/b/first/o?uploadType=media&name=${encodeURIComponent(name)}`, 'x')
  const list = async (query: string): Promise<unknown> => {
    const answer = await send('GET', `/storage/v1/b/first/o?prefix=l/&${query}`)
    if (answer.status !== 200) return outcome(answer)
    return {items: names(answer), prefixes: answer.body['prefixes'] ?? 'absent'}
  }
  const page = await send('GET', '/storage/v1/b/first/o?prefix=l/&maxResults=2')
  const token = String(page.body['nextPageToken'])
  return {
    'a list': await list(''),
    'a list by folder': await list('delimiter=/'),
    'a list by folder, with the folders themselves': await list('delimiter=/&includeTrailingDelimiter=true'),
    'a list between two names': await list('startOffset=l/b&endOffset=l/c'),
    'a page': names(page),
    'the next page': await list(`maxResults=2&pageToken=${encodeURIComponent(token)}`),
    'an unknown page token': await list('pageToken=nobody%27s'),
    'a list by pattern': await list('matchGlob=l/b/*'),
    'a list of a missing bucket': outcome(await send('GET', '/storage/v1/b/missing/o')),
    'an empty list': Object.keys((await send('GET', '/storage/v1/b/versions/o')).body).toSorted(),
  }
}

async function changes(send: Send): Promise<Observations> {
  const path = '/storage/v1/b/first/o/dir%2Fdescribed.csv'
  const patched = await send('PATCH', path, {cacheControl: 'no-store', metadata: {k: null, m: 'n'}})
  const copied = await send('POST', `${path}/copyTo/b/first/o/copied`, {})
  const rewritten = await send('POST', `${path}/rewriteTo/b/first/o/rewritten`, {})
  const composed = await send('POST', '/storage/v1/b/first/o/composed/compose', {
    sourceObjects: [{name: 'dir/described.csv'}, {name: 'copied'}],
    destination: {contentType: 'text/csv'},
  })
  return {
    'a change of metadata': pick(patched.body, ['cacheControl', 'metadata', 'metageneration', 'contentType']),
    'a change of a missing object': outcome(
      await send('PATCH', '/storage/v1/b/first/o/missing', {cacheControl: 'x'}),
    ),
    'a copy': pick(copied.body, ['name', 'metadata', 'metageneration', 'contentType']),
    'a copy of a missing object': outcome(
      await send('POST', '/storage/v1/b/first/o/missing/copyTo/b/first/o/x', {}),
    ),
    'a rewrite': {
      ...pick(rewritten.body, ['kind', 'done', 'totalBytesRewritten', 'objectSize']),
      metadata: object(rewritten.body['resource'])['metadata'],
    },
    'a composition': pick(composed.body, ['name', 'size', 'componentCount', 'contentType', 'crc32c']),
    'the MD5 of a composition': composed.body['md5Hash'] === undefined ? 'absent' : 'there',
    'a composition of 33': outcome(
      await send('POST', '/storage/v1/b/first/o/much/compose', {
        sourceObjects: Array.from({length: 33}, () => ({name: 'copied'})),
      }),
    ),
    'a composition with a missing object': outcome(
      await send('POST', '/storage/v1/b/first/o/none/compose', {sourceObjects: [{name: 'missing'}]}),
    ),
    'the ACL of an object': (await send('GET', `${path}/acl`)).status,
  }
}

async function preconditions(send: Send): Promise<Observations> {
  const upload = (query: string, bucket = 'first'): Promise<Answer> =>
    send('POST', `/upload/storage/v1/b/${bucket}/o?uploadType=media&name=c${query}`, query)
  const path = '/storage/v1/b/first/o/c'
  const first = await upload('')
  const generation = String(first.body['generation'])
  const older = String((await upload('', 'versions')).body['generation'])
  await upload('&x', 'versions')
  const versions = await send('GET', '/storage/v1/b/versions/o?versions=true')
  return {
    'a new object that already exists': outcome(await upload('&ifGenerationMatch=0')),
    'an upload over another generation': outcome(await upload('&ifGenerationMatch=1')),
    'metadata at another generation': outcome(await send('GET', `${path}?ifGenerationMatch=1`)),
    'metadata that the client already has': (await send('GET', `${path}?ifGenerationNotMatch=${generation}`))
      .status,
    'a change at another metageneration': outcome(
      await send('PATCH', `${path}?ifMetagenerationMatch=7`, {cacheControl: 'x'}),
    ),
    'a change at another generation': outcome(
      await send('PATCH', `${path}?ifGenerationMatch=1`, {cacheControl: 'x'}),
    ),
    'a deletion at another generation': outcome(await send('DELETE', `${path}?ifGenerationMatch=1`)),
    'a generation that is not a number': outcome(await send('GET', `${path}?ifGenerationMatch=x`)),
    'a bucket at another metageneration': outcome(
      await send('PATCH', '/storage/v1/b/first?ifMetagenerationMatch=99', {labels: {}}),
    ),
    'versions in a list': names(versions),
    'an older version': (await send('GET', `/storage/v1/b/versions/o/c?generation=${older}&alt=media`))
      .status,
    'a generation that never existed': outcome(await send('GET', `${path}?generation=1`)),
  }
}

async function resumableUploads(send: Send): Promise<Observations> {
  const begin = async (name: string, query = ''): Promise<[Answer, string]> => {
    const answer = await send(
      'POST',
      `/upload/storage/v1/b/first/o?uploadType=resumable&name=${name}${query}`,
      {metadata: {k: 'v'}},
      {'content-type': 'application/json', 'x-upload-content-type': 'text/csv'},
    )
    return [answer, answer.headers.get('location') ?? '']
  }
  const put = (session: string, range: string, size: number): Promise<Answer> =>
    send('PUT', session, Buffer.alloc(size), {'content-range': range})
  const told = ({status, headers}: Answer): string => `${status} ${headers.get('range') ?? 'no range'}`
  const [begun, session] = await begin('resumable')
  const asked = told(await put(session, 'bytes */*', 0))
  const part = told(await put(session, `bytes 0-${UNIT - 1}/*`, UNIT))
  const gap = outcome(await put(session, `bytes ${3 * UNIT}-${4 * UNIT - 1}/*`, UNIT))
  const done = await put(session, `bytes ${UNIT}-${UNIT + 9}/${UNIT + 10}`, 10)
  const [, odd] = await begin('odd')
  const [, cancelled] = await begin('cancelled')
  await put(cancelled, `bytes 0-${UNIT - 1}/*`, UNIT)
  const cancel = await send('DELETE', cancelled)
  return {
    'a resumable upload begins': [begun.status, begun.text === '' ? 'no body' : 'a body'],
    'a resumable upload is asked for its status': asked,
    'a part of a resumable upload': part,
    'a part that leaves a gap': gap,
    'the end of a resumable upload': {
      status: done.status,
      ...pick(done.body, ['size', 'metadata', 'contentType']),
    },
    'a part of 100 bytes, with more to come': outcome(await put(odd, 'bytes 0-99/*', 100)),
    'a resumable upload is cancelled': cancel.status,
    'a part of a cancelled upload': outcome(await put(cancelled, `bytes ${UNIT}-${UNIT}/${UNIT + 1}`, 1)),
    'a resumable upload of an existing object': outcome((await begin('c', '&ifGenerationMatch=0'))[0]),
    'an unknown session': outcome(await put(`${session}x`, 'bytes */*', 0)),
  }
}

async function notifications(
  send: Send,
  {pubsub, topic, subscription}: StorageServers,
): Promise<Observations> {
  const path = '/storage/v1/b/first/notificationConfigs'
  const config = {topic, payload_format: 'JSON_API_V1'}
  const made = await send('POST', path, {...config, object_name_prefix: 'told/', custom_attributes: {t: 'a'}})
  await send('POST', '/upload/storage/v1/b/first/o?uploadType=media&name=untold', 'x')
  await send('POST', '/upload/storage/v1/b/first/o?uploadType=media&name=told/x', 'x')
  await send('PATCH', '/storage/v1/b/first/o/told%2Fx', {cacheControl: 'x'})
  await send('DELETE', '/storage/v1/b/first/o/told%2Fx')
  const events: Record<string, unknown> = {}
  while (Object.keys(events).length < 3) {
    const {body} = await send('POST', `${pubsub}/v1/${subscription}:pull`, {maxMessages: 10})
    const received = Array.isArray(body['receivedMessages']) ? body['receivedMessages'].map(object) : []
    for (const {message} of received) {
      const attributes = object(object(message)['attributes'])
      events[String(attributes['eventType'])] = Object.keys(attributes).toSorted().join(' ')
    }
    await send('POST', `${pubsub}/v1/${subscription}:acknowledge`, {ackIds: received.map(({ackId}) => ackId)})
  }
  const id = String(made.body['id'])
  const seen = {
    'a notification is configured': [made.status, made.body['topic'] === topic ? 'as sent' : 'with its host'],
    'the configuration of a notification': pick(made.body, [
      'kind',
      'payload_format',
      'object_name_prefix',
      'custom_attributes',
    ]),
    'a notification without a payload format': outcome(await send('POST', path, {topic})),
    'a notification of an unknown event': outcome(
      await send('POST', path, {...config, event_types: ['OBJECT_SOLD']}),
    ),
    'a notification to a missing topic': outcome(
      await send('POST', path, {...config, topic: 'projects/p/topics/missing'}),
    ),
    'the attributes of an upload': events['OBJECT_FINALIZE'],
    'the attributes of a change': events['OBJECT_METADATA_UPDATE'],
    'the attributes of a deletion': events['OBJECT_DELETE'],
    'a configuration': (await send('GET', `${path}/${id}`)).status,
    'a missing configuration': outcome(await send('GET', `${path}/99`)),
  }
  const removed = await send('DELETE', `${path}/${id}`)
  return {...seen, 'a configuration is deleted': [removed.status, removed.text]}
}

async function removals(send: Send): Promise<Observations> {
  const removed = await send('DELETE', '/storage/v1/b/first/o/copied')
  return {
    'an object is deleted': [removed.status, removed.text],
    'an object is deleted again': outcome(await send('DELETE', '/storage/v1/b/first/o/copied')),
    'a bucket with objects is deleted': outcome(await send('DELETE', '/storage/v1/b/first')),
    'a missing bucket is deleted': outcome(await send('DELETE', '/storage/v1/b/missing')),
    'an unknown path': (await send('GET', '/storage/v1/nothing/at/all')).status,
  }
}

/** The status, with the error's first reason where it is one. */
function outcome({status, body}: Answer): string {
  const {errors} = object(body['error'])
  const reason = Array.isArray(errors) ? object(errors[0])['reason'] : undefined
  return typeof reason === 'string' ? `${status} ${reason}` : String(status)
}

function names({body: {items}}: Answer): unknown {
  return Array.isArray(items) ? items.map((item) => object(item)['name']) : 'absent'
}

function pick(body: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, body[key] ?? 'absent']))
}

function bytesOf(body: object | string | Buffer): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body
  return Buffer.isBuffer(body) ? Uint8Array.from(body) : JSON.stringify(body)
}

function json(text: string): Record<string, unknown> {
  try {
    return object(JSON.parse(text))
  } catch {
    return {}
  }
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? {...value} : {}
}
