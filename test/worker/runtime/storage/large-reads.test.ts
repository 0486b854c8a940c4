import {randomBytes} from 'node:crypto'
import type {RequestListener} from 'node:http'
import {createServer} from 'node:https'
import {setTimeout as delay} from 'node:timers/promises'
import {setDefaultCACertificates} from 'node:tls'
import {crc32c} from '@node-rs/crc32'
import {expect, test} from 'vitest'
import {openCertificate} from '../../../../src/local-cloud/wire/certificate.ts'
import {systemClock} from '../../../../src/local-cloud/wire/clock.ts'
import {openStorage} from '../../../../worker/runtime/storage/index.ts'
import {listen, startServer} from '../../../support/answering-server.ts'
import {temporaryFolder} from '../../../support/temporary-folder.ts'

const MEBIBYTE = 1024 * 1024
const NAME = {bucket: 'input', object: 'a'}

/** The same over TLS. */
async function startSecureServer(answer: RequestListener): Promise<string> {
  const {key, certificate, authority} = await openCertificate(await temporaryFolder(), systemClock)
  setDefaultCACertificates([authority])
  return listen(createServer({key, cert: certificate}, answer), 'https')
}

/** Breaks the connection once in each answer that is longer. */
function answering(content: Buffer, breaksAfter: number): RequestListener {
  return ({headers: {range}}, response) => {
    const from = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    const rest = content.subarray(from)
    response.writeHead(range === undefined ? 200 : 206, {
      'content-length': rest.length,
      'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
    })
    if (rest.length <= breaksAfter) response.end(rest)
    else response.write(rest.subarray(0, breaksAfter), () => response.socket?.destroySoon())
  }
}

function checksumOf(content: Buffer): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32c(content))
  return bytes.toString('base64')
}

test.each([
  ['HTTP', startServer],
  ['TLS', startSecureServer],
])('a large object is read in large parts that stay as they are, over %s', async (_, start) => {
  const content = randomBytes(24 * MEBIBYTE)
  const origin = await start(answering(content, 9 * MEBIBYTE + 1))
  const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {wait: async () => undefined})
  const metadata = {
    generation: '1',
    sizeBytes: content.length,
    contentType: undefined,
    contentEncoding: undefined,
    crc32c: checksumOf(content),
    timeCreated: '',
    metadata: {},
  }
  const read = async (pauseMs: number): Promise<Buffer[]> => {
    const parts: Buffer[] = []
    for await (const part of await storage.read(NAME, metadata)) {
      if (Buffer.isBuffer(part)) parts.push(part)
      if (parts.length % 7 === 0) await delay(pauseMs)
    }
    return parts
  }
  const parts = await read(5)
  expect(Buffer.concat(parts).equals(content)).toBe(true)
  // Node reads 64 KiB at a time.
  expect(Math.max(...parts.map(({length}) => length))).toBeGreaterThan(128 * 1024)
  // On connections that were used before.
  for (const again of await Promise.all([read(0), read(1)]))
    expect(Buffer.concat(again).equals(content)).toBe(true)
})
