import {once} from 'node:events'
import {createServer} from 'node:http'
import {connect, type AddressInfo} from 'node:net'
import {expect, it, onTestFinished} from 'vitest'
import {createAdmission} from '../../src/console/admission.ts'

const TOKEN = 'a-token-of-43-letters'
const VISIT = 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: '

it.each([
  ['its own name and token', 'Host: 127.0.0.1:PORT', `Authorization: Bearer ${TOKEN}`, 200],
  ['localhost', 'Host: localhost:PORT', `Authorization: Bearer ${TOKEN}`, 200],
  ['a name that leads here by foreign DNS', 'Host: evil.example', `Authorization: Bearer ${TOKEN}`, 403],
  ['another port in the name', 'Host: 127.0.0.1:1', `Authorization: Bearer ${TOKEN}`, 403],
  ['two names', 'Host: 127.0.0.1:PORT\r\nHost: evil.example', `Authorization: Bearer ${TOKEN}`, 403],
  ['a page of another site', 'Host: 127.0.0.1:PORT\r\nOrigin: https://evil.example', '', 403],
  ['a page of another port', 'Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:1', '', 403],
  ['a sandboxed page', 'Host: 127.0.0.1:PORT\r\nOrigin: null', '', 403],
  ['an image on another site', 'Host: 127.0.0.1:PORT\r\nSec-Fetch-Site: cross-site', '', 403],
  [
    'a link on another site',
    `Host: 127.0.0.1:PORT\r\n${VISIT}document`,
    `Authorization: Bearer ${TOKEN}`,
    200,
  ],
  [
    'a frame on another site',
    `Host: 127.0.0.1:PORT\r\n${VISIT}iframe`,
    `Authorization: Bearer ${TOKEN}`,
    403,
  ],
  [
    'a form on another site',
    `Host: 127.0.0.1:PORT\r\nOrigin: https://evil.example\r\n${VISIT}document`,
    '',
    403,
  ],
  ['no token', 'Host: 127.0.0.1:PORT', '', 401],
  ['a wrong token', 'Host: 127.0.0.1:PORT', 'Authorization: Bearer a-token-of-43-lettersx', 401],
])('%s gets its answer over raw HTTP', async (_, names, token, status) => {
  expect(await answerTo(names, token)).toBe(status)
})

it('gives a key that opens one path and no other', () => {
  const admission = createAdmission(1, TOKEN)
  const key = admission.keyOf('/api/files/a.csv/report')
  expect(admission.isKeyOf('/api/files/a.csv/report', key)).toBe(true)
  expect(admission.isKeyOf('/api/files/b.csv/report', key)).toBe(false)
  expect(admission.isKeyOf('/api/files/a.csv/report', undefined)).toBe(false)
  expect(createAdmission(1, 'another').isKeyOf('/api/files/a.csv/report', key)).toBe(false)
})

/** The status that a server behind the admission answers with. */
async function answerTo(names: string, token: string): Promise<number> {
  // Node itself refuses a second Host unless it is lenient, so that the rule is tried here.
  const server = createServer({requireHostHeader: false}, (request, response) => {
    const admission = createAdmission(portOf(server.address()), TOKEN)
    const refusal = admission.admit(request) ?? admission.authorize(request)
    response.writeHead(refusal?.status ?? 200, {connection: 'close'}).end()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const port = portOf(server.address())
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET /api HTTP/1.1\r\n${names.replaceAll('PORT', String(port))}${token === '' ? '' : `\r\n${token}`}\r\n\r\n`,
  )
  let answer = ''
  for await (const chunk of socket.setEncoding('utf8')) answer += String(chunk)
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
