import {createHash, X509Certificate} from 'node:crypto'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {getCACertificates} from 'node:tls'
import {writeWhole} from '../../core/whole-file.ts'

/** The authorities that this machine trusts, and the local cloud's: in PEM, and as Java reads them. */
export const authoritiesFile = (folder: string): string => join(folder, 'authorities.pem')
export const trustStoreFile = (folder: string): string => join(folder, 'authorities.jks')
/** Application Default Credentials of the local cloud's owner. */
export const credentialsFile = (folder: string): string => join(folder, 'credentials.json')

/** Java's own password for its trust stores, which protects nothing. */
const STORE_PASSWORD = 'changeit'

/**
 * Writes what programs need that reach the local cloud under Google's host names.
 * @param certificate the file of the local cloud's authority
 */
export async function writeTrustFiles(folder: string, certificate: string): Promise<void> {
  const known = new Set([...getCACertificates('bundled'), ...getCACertificates('system')])
  const authorities = [await readFile(certificate, 'utf8'), ...known]
  const credentials = {
    type: 'authorized_user',
    client_id: '32555940559.apps.googleusercontent.com',
    client_secret: 'local',
    refresh_token: 'local',
  }
  await Promise.all([
    writeWhole(authoritiesFile(folder), authorities.join('\n')),
    writeWhole(trustStoreFile(folder), trustStore(authorities)),
    writeWhole(credentialsFile(folder), JSON.stringify(credentials), {mode: 0o600}),
  ])
}

/**
 * A key store in Java's own format, which every version reads (OpenJDK's JavaKeyStore.java): certificates under
 * numbers, and a digest with the password.
 */
function trustStore(authorities: readonly string[]): Buffer {
  const entries = authorities.map((pem, index) => {
    const der = new X509Certificate(pem).raw
    return Buffer.concat([
      number(2),
      text(String(index)),
      Buffer.alloc(8),
      text('X.509'),
      number(der.length),
      der,
    ])
  })
  const store = Buffer.concat([number(0xfeedfeed), number(2), number(entries.length), ...entries])
  const password = Buffer.from(STORE_PASSWORD, 'utf16le').swap16()
  const digest = createHash('sha1').update(password).update('Mighty Aphrodite').update(store).digest()
  return Buffer.concat([store, digest])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}
