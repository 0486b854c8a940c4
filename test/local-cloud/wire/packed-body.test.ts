import {gzipSync} from 'node:zlib'
import {expect, test} from 'vitest'
import {call, fieldsOf, PROJECT, refusalOf, startStorage} from '../storage/local-storage.ts'

const PACKED = {'content-encoding': 'gzip'}

function packed(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(gzipSync(text))
}

test('a body that travels gzipped is unpacked: JSON, media, multipart and resumable uploads', async () => {
  const {origin} = await startStorage()
  const created = await fetch(`${origin}/storage/v1/b?project=${PROJECT}`, {
    method: 'POST',
    headers: {...PACKED, 'content-type': 'application/json'},
    body: packed('{"name": "bucket"}'),
  })
  expect(await fieldsOf(created)).toMatchObject({name: 'bucket'})
  const upload = async (
    query: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${origin}/upload/storage/v1/b/bucket/o?${query}`, {
      method: 'POST',
      headers: {...PACKED, ...headers},
      body: packed(body),
    })
  expect(await fieldsOf(await upload('uploadType=media&name=media', 'text'))).toMatchObject({size: '4'})
  const parts = '--x\r\n\r\n{"name": "multipart"}\r\n--x\r\n\r\ntext\r\n--x--'
  const related = {'content-type': 'multipart/related; boundary=x'}
  expect(await fieldsOf(await upload('uploadType=multipart', parts, related))).toMatchObject({size: '4'})
  const started = await upload('uploadType=resumable', '{"name": "resumable"}')
  const sent = await fetch(started.headers.get('location') ?? '', {
    method: 'PUT',
    headers: {...PACKED, 'content-range': 'bytes 0-3/4'},
    body: packed('text'),
  })
  expect(await fieldsOf(sent)).toMatchObject({size: '4'})
  for (const name of ['media', 'multipart', 'resumable']) {
    const read = await call(origin, 'GET', `/b/bucket/o/${name}?alt=media`)
    expect(await read.text()).toBe('text')
  }
})

test('what is said to be gzip and is not is refused', async () => {
  const {origin} = await startStorage()
  const response = await fetch(`${origin}/storage/v1/b?project=${PROJECT}`, {
    method: 'POST',
    headers: PACKED,
    body: '{"name": "bucket"}',
  })
  expect(await refusalOf(response)).toEqual([400, expect.stringContaining('not gzip')])
})

test('a POST may stand for another method', async () => {
  const {origin, client} = await startStorage()
  await client.createBucket('bucket')
  const as = (method: string): Promise<Response> =>
    fetch(`${origin}/storage/v1/b/bucket`, {
      method: 'POST',
      headers: {'x-http-method-override': method, 'content-type': 'application/json'},
      body: '{"labels": {"a": "b"}}',
    })
  expect(await fieldsOf(await as('PATCH'))).toMatchObject({labels: {a: 'b'}})
  expect(await fieldsOf(await as('GET'))).toMatchObject({name: 'bucket'})
  expect((await as('DELETE')).status).toBe(204)
})
