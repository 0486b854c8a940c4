import {generateKeyPairSync} from 'node:crypto'
import {Storage} from '@google-cloud/storage'
import {expect, test} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {PROJECT, startStorage} from './local-storage.ts'

const HOUR_MS = 60 * 60 * 1000

/** Google's client with a key of an account, which signs URLs by itself. */
function signingClient(origin: string): Storage {
  const {privateKey} = generateKeyPairSync('rsa', {modulusLength: 2048})
  return new Storage({
    apiEndpoint: origin,
    projectId: PROJECT,
    credentials: {
      client_email: 'signer@local-project.iam.gserviceaccount.com',
      private_key: privateKey.export({type: 'pkcs8', format: 'pem'}).toString(),
    },
  })
}

test.each([
  ['v2', 200, ''],
  ['v4', 400, 'MalformedSecurityHeader'],
] as const)('a signed URL of %s is good until it expires', async (version, status, code) => {
  // The client signs by the time of day.
  const clock = new ManualClock(Date.now())
  const {origin, client} = await startStorage({clock})
  await client.createBucket('bucket')
  const file = signingClient(origin).bucket('bucket').file('dir/x.txt')
  const sign = async (action: 'read' | 'write' | 'delete', contentType?: string): Promise<string> => {
    const [url] = await file.getSignedUrl({
      version,
      action,
      expires: Date.now() + HOUR_MS,
      ...(contentType === undefined ? {} : {contentType}),
    })
    const {pathname, search} = new URL(url)
    return `${origin}${pathname}${search}`
  }
  const write = await sign('write', 'text/plain')
  const headers = {'content-type': 'text/plain'}
  expect((await fetch(write, {method: 'PUT', body: 'text', headers})).status).toBe(200)
  const read = await sign('read')
  expect(await (await fetch(read)).text()).toBe('text')
  const unsent = await fetch(write, {method: 'PUT', body: new Uint8Array([1])})
  expect([unsent.status, await unsent.text()]).toEqual([status, expect.stringContaining(code)])
  await clock.advance(2 * HOUR_MS)
  const expired = await fetch(read)
  expect([expired.status, await expired.text()]).toEqual([
    400,
    expect.stringContaining('<Code>ExpiredToken</Code>'),
  ])
  expect((await fetch(await sign('delete'), {method: 'DELETE'})).status).toBe(400)
})
