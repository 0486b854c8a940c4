import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import {join} from 'node:path'
import {readIfThere, writeWhole} from '../whole-file.ts'
import type {Clock} from './clock.ts'

/** What a TLS listener needs, in PEM. */
export interface Certificate {
  readonly key: string
  readonly certificate: string
  /** One with the same key for a host besides. */
  readonly certificateOf: (host: string) => string
  /** The certificate of the authority that issued it, for clients to trust. */
  readonly authority: string
  /** The file that holds the authority's certificate. */
  readonly path: string
}

const DAY_MS = 24 * 3600_000
/** Apple's clients take no certificate of a server that is valid for more than 825 days. */
const VALID_MS = 820 * DAY_MS
const RENEWED_BEFORE_MS = 30 * DAY_MS
const NAME = 'cloud-runner local cloud'
/** What the server answers as: this machine, and Google's hosts for clients that come through the forward proxy. */
const HOSTS = [
  'localhost',
  '*.googleapis.com',
  '*.storage.googleapis.com',
  '*.pkg.dev',
  'accounts.google.com',
]

/**
 * A certificate for clients that speak nothing but TLS, by the local cloud's own authority, which is kept in the state
 * folder and renewed before it expires. Some clients (rustls) refuse an authority's own certificate as a server's.
 */
export async function openCertificate(folder: string, clock: Clock): Promise<Certificate> {
  const authority = await openAuthority(folder, clock)
  // Only made for the first connection.
  let made: ReturnType<typeof makePair> | undefined
  const pair = (): ReturnType<typeof makePair> => (made ??= makePair())
  const certificateOf = (...hosts: readonly string[]): string =>
    issue(pair().publicKey, {
      name: 'cloud-runner local server',
      issuer: {name: NAME, privateKey: createPrivateKey(authority.key)},
      now: clock.now(),
      extensions: serverExtensions(pair().publicKey, new X509Certificate(authority.certificate).publicKey, [
        ...HOSTS,
        ...hosts,
      ]),
    })
  return {
    get key() {
      return pair().privateKey.export({type: 'pkcs8', format: 'pem'}).toString()
    },
    get certificate() {
      return certificateOf()
    },
    certificateOf,
    authority: authority.certificate,
    path: authority.path,
  }
}

const makePair = () => generateKeyPairSync('ec', {namedCurve: 'P-256'})

async function openAuthority(
  folder: string,
  clock: Clock,
): Promise<{key: string; certificate: string; path: string}> {
  const path = join(folder, 'tls-authority.pem')
  const keyPath = join(folder, 'tls-authority-key.pem')
  const [key, certificate] = await Promise.all([readIfThere(keyPath), readIfThere(path)])
  if (key !== undefined && certificate !== undefined && isGood(certificate, clock))
    return {key, certificate, path}

  const pair = makePair()
  const extensions = authorityExtensions(pair.publicKey)
  const made = {
    key: pair.privateKey.export({type: 'pkcs8', format: 'pem'}).toString(),
    certificate: selfSign(pair, {name: NAME, now: clock.now(), extensions}),
    path,
  }
  // The certificate marks that both exist.
  await writeWhole(keyPath, made.key)
  await writeWhole(path, made.certificate)
  return made
}

function isGood(certificate: string, clock: Clock): boolean {
  const {validFrom, validTo} = new X509Certificate(certificate)
  // The clock may have been ahead then.
  return Date.parse(validFrom) <= clock.now() && Date.parse(validTo) - clock.now() > RENEWED_BEFORE_MS
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

const keyIdentifier = (publicKey: KeyObject): Buffer =>
  createHash('sha1')
    .update(publicKey.export({type: 'spki', format: 'der'}))
    .digest()

function authorityExtensions(publicKey: KeyObject): Buffer[] {
  return [
    extension('2.5.29.19', sequence(boolean(true)), true), // basicConstraints: a root to trust
    extension('2.5.29.15', bits(1, Buffer.of(0b0000_0110)), true), // keyUsage: keyCertSign, cRLSign
    extension('2.5.29.14', tlv(0x04, keyIdentifier(publicKey))), // subjectKeyIdentifier
  ]
}

function serverExtensions(publicKey: KeyObject, issuer: KeyObject, hosts: readonly string[]): Buffer[] {
  return [
    extension('2.5.29.19', sequence(), true), // basicConstraints: no authority
    extension('2.5.29.15', bits(7, Buffer.of(0b1000_0000)), true), // keyUsage: digitalSignature
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))), // extKeyUsage: serverAuth
    extension('2.5.29.14', tlv(0x04, keyIdentifier(publicKey))), // subjectKeyIdentifier
    extension('2.5.29.35', sequence(tlv(0x80, keyIdentifier(issuer)))), // authorityKeyIdentifier
    extension(
      '2.5.29.17', // subjectAltName
      sequence(
        ...hosts.map((host) => tlv(0x82, Buffer.from(host))),
        tlv(0x87, Buffer.of(127, 0, 0, 1)),
        tlv(0x87, Buffer.from('00000000000000000000000000000001', 'hex')),
      ),
    ),
  ]
}

/** keyUsage of a key that signs tokens and nothing else. */
export const signerExtensions = (): Buffer[] => [
  extension('2.5.29.15', bits(7, Buffer.of(0b1000_0000)), true),
]

/**
 * A certificate of a key by itself.
 * @param pair of P-256 or RSA keys
 * @param options.now milliseconds since 1970; it is valid for 820 days from then
 * @returns PEM
 */
export function selfSign(
  {publicKey, privateKey}: {publicKey: KeyObject; privateKey: KeyObject},
  {name, now, extensions}: {name: string; now: number; extensions: readonly Buffer[]},
): string {
  return issue(publicKey, {name, issuer: {name, privateKey}, now, extensions})
}

/** An X.509 certificate (RFC 5280), which node:crypto reads but does not make: the few lines of DER that it takes. */
function issue(
  publicKey: KeyObject,
  {
    name,
    issuer,
    now,
    extensions,
  }: {
    name: string
    issuer: {name: string; privateKey: KeyObject}
    now: number
    extensions: readonly Buffer[]
  },
): string {
  const algorithm =
    issuer.privateKey.asymmetricKeyType === 'rsa'
      ? sequence(oid('1.2.840.113549.1.1.11'), tlv(0x05)) // sha256WithRSAEncryption
      : sequence(oid('1.2.840.10045.4.3.2')) // ecdsa-with-SHA256
  const named = (whom: string): Buffer =>
    sequence(set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(whom)))))
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    algorithm,
    named(issuer.name),
    sequence(time(now - DAY_MS), time(now + VALID_MS)),
    named(name),
    publicKey.export({type: 'spki', format: 'der'}),
    tlv(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', toBeSigned, issuer.privateKey)
  return pem(sequence(toBeSigned, algorithm, bits(0, signature)))
}

/** Tag, length, value (X.690). */
function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts)
  if (value.length < 0x80) return Buffer.concat([Buffer.of(tag, value.length), value])
  // As short as can be, or BoringSSL refuses it.
  const length = value.length < 0x100 ? [0x81, value.length] : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), value])
}

const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, ...parts)
const set = (...parts: readonly Buffer[]): Buffer => tlv(0x31, ...parts)
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes)
const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.of(value ? 0xff : 0))
const bits = (unused: number, bytes: Buffer): Buffer => tlv(0x03, Buffer.of(unused), bytes)

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), tlv(0x04, value))
}

/** UTCTime, which X.509 wants up to the year 2049. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return tlv(0x17, Buffer.from(text.slice(2)))
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}
