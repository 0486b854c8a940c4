import {X509Certificate} from 'node:crypto'
import {readFile, stat} from 'node:fs/promises'
import {type IncomingMessage, request as httpRequest} from 'node:http'
import {request} from 'node:https'
import type {Socket} from 'node:net'
import {text} from 'node:stream/consumers'
import {connect as connectTls} from 'node:tls'
import {expect, onTestFinished, test} from 'vitest'
import {openCertificate} from '../../../src/local-cloud/wire/certificate.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {route} from '../../../src/local-cloud/wire/routes.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const DAY_MS = 24 * 3600_000

test("the authority is kept, and its certificate names this machine and Google's hosts", async () => {
  const folder = await temporaryFolder()
  const made = await openCertificate(folder, systemClock)
  expect((await openCertificate(folder, systemClock)).authority).toBe(made.authority)
  expect((await stat(`${folder}/tls-authority-key.pem`)).mode & 0o777, "the owner's alone").toBe(0o600)

  const authority = new X509Certificate(await readFile(made.path))
  expect(authority.verify(authority.publicKey)).toBe(true)
  expect(authority.ca).toBe(true)
  const certificate = new X509Certificate(made.certificate)
  expect(certificate.verify(authority.publicKey)).toBe(true)
  expect(certificate.checkIssued(authority)).toBe(true)
  expect(certificate.checkHost('europe-west3-docker.pkg.dev')).toBe('*.pkg.dev')
  expect(certificate.checkHost('localhost')).toBe('localhost')
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(certificate.checkIP('::1')).toBe('::1')
  expect(certificate.ca).toBe(false)
})

test('the certificate is renewed before it expires', async () => {
  const folder = await temporaryFolder()
  const clock = new ManualClock()
  const {authority} = await openCertificate(folder, clock)
  await clock.advance(789 * DAY_MS)
  expect((await openCertificate(folder, clock)).authority).toBe(authority)
  await clock.advance(2 * DAY_MS)
  expect((await openCertificate(folder, clock)).authority).not.toBe(authority)
})

test('a certificate of the future, from before the clock was set back, is replaced', async () => {
  const folder = await temporaryFolder()
  const clock = new ManualClock()
  await openCertificate(folder, clock)
  clock.setBack(2 * DAY_MS)
  const {validFrom} = new X509Certificate((await openCertificate(folder, clock)).authority)
  expect(Date.parse(validFrom)).toBeLessThanOrEqual(clock.now())
})

test('a client that trusts the certificate gets the same routes, under https, and others nothing', async () => {
  const certificate = await openCertificate(await temporaryFolder(), systemClock)
  const server = createServerOf({
    routes: [route('GET', '/where', ({call, url}) => ({json: {origin: call.origin, path: url.pathname}}))],
    services: [],
    report: (error) => expect.unreachable(String(error)),
  })
  const listener = await server.listenTls(0, () => 'owner', certificate)
  onTestFinished(() => listener.close())
  const ask = (ca?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      request(`${listener.origin}/where`, {...(ca === undefined ? {} : {ca}), agent: false}, (response) =>
        resolve(text(response)),
      )
        .on('error', reject)
        .end()
    })
  expect(JSON.parse(await ask(certificate.authority))).toEqual({origin: listener.origin, path: '/where'})
  expect(listener.origin).toMatch(/^https:/)
  await expect(ask()).rejects.toThrow(/unable to verify/)
})

test('the forward proxy leads to it: some tools send a proxy even what is for this machine', async () => {
  const certificate = await openCertificate(await temporaryFolder(), systemClock)
  const server = createServerOf({
    routes: [route('GET', '/where', ({call}) => ({json: {origin: call.origin}}))],
    services: [],
    report: (error) => expect.unreachable(String(error)),
  })
  const secure = await server.listenTls(0, () => 'owner', certificate)
  onTestFinished(() => secure.close())
  const proxy = await server.listenAsProxy(0, () => 'owner')
  onTestFinished(() => proxy.close())
  const [answer, socket] = await connectBy(proxy.port, `127.0.0.1:${secure.port}`)
  expect(answer.statusCode).toBe(200)
  const body = await new Promise<string>((resolve, reject) => {
    httpRequest(
      {
        path: '/where',
        headers: {host: `127.0.0.1:${secure.port}`},
        createConnection: () => connectTls({socket, ca: certificate.authority}),
      },
      (response) => resolve(text(response)),
    )
      .on('error', reject)
      .end()
  })
  expect(JSON.parse(body)).toEqual({origin: secure.origin})
  const [refused, other] = await connectBy(proxy.port, `127.0.0.1:${proxy.port}`)
  expect(refused.statusCode, 'a port that does not speak TLS').toBe(403)
  other.destroy()
})

async function connectBy(port: number, path: string): Promise<[IncomingMessage, Socket]> {
  const tunnel = httpRequest({host: '127.0.0.1', port, method: 'CONNECT', path, agent: false})
  tunnel.end()
  return new Promise((resolve, reject) => {
    tunnel.once('connect', (answer, socket) => resolve([answer, socket]))
    tunnel.once('error', reject)
  })
}
