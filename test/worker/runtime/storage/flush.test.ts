import {randomBytes} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {buffer} from 'node:stream/consumers'
import {crc32c} from '@node-rs/crc32'
import {expect, test} from 'vitest'
import {openStorage} from '../../../../worker/runtime/storage/index.ts'
import {startServer} from '../../../support/answering-server.ts'

const MEBIBYTE = 1024 * 1024

test('little is left for the end of an upload whose bytes are flushed', async () => {
  const received: Buffer[] = []
  const ranges: (string | undefined)[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const bytes = await buffer(request)
    if (request.method === 'POST') {
      response.setHeader('location', `${origin}/session`).end()
      return
    }
    received.push(bytes)
    const {'content-range': range} = request.headers
    ranges.push(range)
    const stored = received.reduce((sum, {length}) => sum + length, 0)
    if (range?.endsWith('*') === true) {
      response.writeHead(308, {range: `bytes=0-${stored - 1}`}).end()
      return
    }
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE(crc32c(Buffer.concat(received)))
    response.end(JSON.stringify({generation: '7', crc32c: checksum.toString('base64')}))
  }
  const origin = await startServer((request, response) => void answer(request, response))
  const storage = openStorage({STORAGE_EMULATOR_HOST: origin})
  const options = {contentType: 'text/csv', metadata: {}, expectedGeneration: '0'}
  const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
  const content = randomBytes(9 * MEBIBYTE + 100)
  await upload.write(content)
  upload.flush()
  expect(await upload.end()).toBe('7')
  expect(Buffer.concat(received).equals(content)).toBe(true)
  expect(ranges).toEqual(['bytes 0-8388607/*', 'bytes 8388608-9437183/*', 'bytes 9437184-9437283/9437284'])
})
