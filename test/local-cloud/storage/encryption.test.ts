import {createHash} from 'node:crypto'
import {expect, test} from 'vitest'
import {fieldsOf, type LocalStorage, startStorage, uploadMedia} from './local-storage.ts'

/** Headers with a key of one repeated byte. */
function keyHeaders(byte: number, subject = ''): Record<string, string> {
  const key = Buffer.alloc(32, byte)
  return {
    [`x-goog-${subject}encryption-algorithm`]: 'AES256',
    [`x-goog-${subject}encryption-key`]: key.toString('base64'),
    [`x-goog-${subject}encryption-key-sha256`]: createHash('sha256').update(key).digest('base64'),
  }
}

async function withSecret(): Promise<LocalStorage> {
  const local = await startStorage()
  await local.client.createBucket('bucket')
  await uploadMedia(local.origin, 'bucket', 'plain', 'plain')
  const uploaded = await uploadMedia(local.origin, 'bucket', 'secret', 'secret', {headers: keyHeaders(1)})
  expect(await fieldsOf(uploaded)).toMatchObject({
    customerEncryption: {encryptionAlgorithm: 'AES256', keySha256: expect.any(String)},
    crc32c: expect.any(String),
  })
  return local
}

test.each([
  ['GET', '/storage/v1/b/bucket/o/secret?alt=media', undefined],
  ['GET', '/bucket/secret', undefined],
  ['POST', '/storage/v1/b/bucket/o/secret/rewriteTo/b/bucket/o/copy', 'copy-source-'],
  ['POST', '/storage/v1/b/bucket/o/secret/copyTo/b/bucket/o/copy', 'copy-source-'],
])('%s %s needs the key of the object', async (method, path, subject) => {
  const {origin} = await withSecret()
  const statusOf = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${origin}${path}`, {method, headers})).status
  expect(await statusOf({})).toBe(400)
  expect(await statusOf(keyHeaders(2, subject))).toBe(400)
  expect(await statusOf(keyHeaders(1, subject))).toBe(200)
})

test('a copy by the XML API and a composition need it as well', async () => {
  const {origin} = await withSecret()
  const copy = async (headers: Record<string, string>): Promise<number> =>
    (
      await fetch(`${origin}/bucket/copy`, {
        method: 'PUT',
        headers: {'x-goog-copy-source': 'bucket/secret', ...headers},
      })
    ).status
  expect(await copy({})).toBe(400)
  expect(await copy(keyHeaders(1, 'copy-source-'))).toBe(200)
  const compose = async (names: string[], headers: Record<string, string>): Promise<number> => {
    const body = JSON.stringify({sourceObjects: names.map((name) => ({name}))})
    return (await fetch(`${origin}/storage/v1/b/bucket/o/composed/compose`, {method: 'POST', headers, body}))
      .status
  }
  expect(await compose(['secret'], {})).toBe(400)
  expect(await compose(['secret', 'plain'], keyHeaders(1))).toBe(400)
  expect(await compose(['secret'], keyHeaders(1))).toBe(200)
})

test("Google's client rotates a key, and reads with the new one alone", async () => {
  const {client} = await withSecret()
  const bucket = client.bucket('bucket')
  const file = bucket.file('secret', {encryptionKey: Buffer.alloc(32, 1)})
  expect((await file.download())[0].toString()).toBe('secret')
  await file.rotateEncryptionKey({encryptionKey: Buffer.alloc(32, 2)})
  const rotated = bucket.file('secret', {encryptionKey: Buffer.alloc(32, 2)})
  expect((await rotated.download())[0].toString()).toBe('secret')
  await expect(bucket.file('secret', {encryptionKey: Buffer.alloc(32, 1)}).download()).rejects.toMatchObject({
    code: 400,
  })
})

test('metadata stays readable without the key, but for the hashes; a key for nothing is refused', async () => {
  const {origin} = await withSecret()
  const read = (name: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${origin}/storage/v1/b/bucket/o/${name}`, {headers})
  const hidden = await fieldsOf(await read('secret'))
  expect(hidden).toMatchObject({size: '6'})
  expect(hidden).not.toHaveProperty('crc32c')
  expect(await fieldsOf(await read('secret', keyHeaders(1)))).toHaveProperty('crc32c')
  const unneeded = await fetch(`${origin}/bucket/plain`, {headers: keyHeaders(1)})
  expect(await unneeded.text()).toContain('<Code>ResourceNotEncryptedWithCustomerEncryptionKey</Code>')
  const wrong = {...keyHeaders(1), 'x-goog-encryption-key-sha256': 'x'}
  expect((await uploadMedia(origin, 'bucket', 'x', 'x', {headers: wrong})).status).toBe(400)
})
