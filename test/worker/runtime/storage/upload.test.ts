import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {crc32c} from '@node-rs/crc32'
import {expect, test} from 'vitest'
import {ABSENT, openStorage} from '../../../../worker/runtime/storage/index.ts'
import type {Patience} from '../../../../worker/runtime/storage/retry.ts'
import {startServer} from '../../../support/answering-server.ts'

const MEBIBYTE = 1024 * 1024

/** A session that keeps what arrives, and an upload to it. @param more.breaks after so many bytes, once each */
async function start(patience: Patience, {breaks = [], keeps = (bytes: number) => bytes}: Faults = {}) {
  const stored = Buffer.alloc(64 * MEBIBYTE)
  let length = 0
  const ranges: string[] = []
  let underWay = 0
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const {'content-range': range} = request.headers
    if (range === undefined) {
      request.resume()
      response.setHeader('location', `${origin}/session`).end()
      return
    }
    ranges.push(range)
    underWay += 1
    request.once('close', () => (underWay -= 1))
    for await (const chunk of request) {
      length += Buffer.from(chunk).copy(stored, length)
      if (length < (breaks[0] ?? Infinity)) continue
      breaks.shift()
      length = keeps(length)
      request.destroy()
      return
    }
    const [, total] = range.split('/')
    if (range.startsWith('bytes *') && total !== String(length)) {
      response.writeHead(308, length > 0 ? {range: `bytes=0-${length - 1}`} : {}).end()
      return
    }
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE(crc32c(stored.subarray(0, length)))
    response.end(JSON.stringify({generation: '7', crc32c: checksum.toString('base64')}))
  }
  const origin = await startServer((request, response) => void answer(request, response).catch(() => {}))
  const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {wait: async () => {}, ...patience})
  const options = {contentType: 'text/csv', metadata: {}, expectedGeneration: ABSENT}
  const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
  return {upload, ranges, received: () => stored.subarray(0, length), underWay: () => underWay}
}

interface Faults {
  readonly breaks?: number[]
  /** How many bytes it has after that. */
  readonly keeps?: (bytes: number) => number
}

async function writeInParts(upload: Awaited<ReturnType<typeof start>>['upload'], content: Buffer) {
  for (let from = 0; from < content.length; from += 300_000)
    await upload.write(content.subarray(from, from + 300_000))
}

test('an upload is one request, and nothing of it is left for the end once its bytes are flushed', async () => {
  const {upload, ranges, received} = await start({})
  const content = randomBytes(9 * MEBIBYTE + 100)
  await upload.write(content)
  upload.flush()
  await expect.poll(() => received().length).toBe(content.length)
  expect(await upload.end()).toBe('7')
  expect(received().equals(content)).toBe(true)
  expect(ranges).toEqual(['bytes 0-*/*'])
})

test('an upload whose connection breaks continues from the last byte that is there', async () => {
  const {upload, ranges, received} = await start(
    {},
    {breaks: [20 * MEBIBYTE, 30 * MEBIBYTE], keeps: (bytes) => bytes - (bytes % 262_144) - 2 * MEBIBYTE},
  )
  const content = randomBytes(40 * MEBIBYTE + 100)
  await writeInParts(upload, content)
  expect(await upload.end()).toBe('7')
  expect(received().equals(content)).toBe(true)
  expect(ranges.filter((range) => range.startsWith('bytes *'))).toHaveLength(2)
})

test('an upload fails if the bytes that are missing are no longer here', async () => {
  const {upload} = await start({}, {breaks: [30 * MEBIBYTE], keeps: () => MEBIBYTE})
  const content = randomBytes(40 * MEBIBYTE)
  const writing = writeInParts(upload, content).then(() => upload.end())
  await expect(writing).rejects.toThrow(`Cloud Storage has ${MEBIBYTE} bytes`)
})

test('an upload may pause for longer than a connection may be silent', async () => {
  const {upload, ranges, received, underWay} = await start({silenceMs: 200, mostRetries: 0})
  const content = randomBytes(3 * MEBIBYTE)
  for (const end of [2 * MEBIBYTE, 3 * MEBIBYTE]) {
    await upload.write(content.subarray(received().length, end))
    // Its request is given up, and another one begins when there is more to send.
    await expect.poll(() => [received().length, underWay()]).toEqual([end, 0])
  }
  expect(await upload.end()).toBe('7')
  expect(received().equals(content)).toBe(true)
  expect(ranges[0]).toBe('bytes 0-*/*')
})
