import {createHash, createHmac, timingSafeEqual} from 'node:crypto'
import type {AccountKeys} from '../iam/access.ts'
import type {Clock} from '../wire/clock.ts'
import {invalid, StorageError} from './errors.ts'
import type {HmacKeys} from './hmac-keys.ts'

/** What says who signed, and how: `ID/20260131/auto/storage/goog4_request`. */
export interface V4Signature {
  readonly algorithm: string
  readonly credential: string
  /** `20260131T120000Z` */
  readonly date: string
  /** Hexadecimal. */
  readonly signature: string
}

/** Signatures of the XML API by keys of service accounts. Each method returns the email of the account that signed. */
export interface Signatures {
  /**
   * @param signed the text that was signed
   * @param details what an error shows, so that both sides can be compared
   * @throws StorageError 403
   */
  checkV4(
    parts: V4Signature,
    signed: string | readonly string[],
    details?: Readonly<Record<string, string>>,
  ): string
  /** @param signature in base64. @throws StorageError 403 */
  checkV2(accessId: string, signature: string, signed: string | readonly string[]): string
  /**
   * @param end milliseconds since 1970
   * @param start the same, when it becomes valid
   * @throws StorageError 400 after its end, 403 before its start
   */
  refuseUnlessValid(end: number, start?: number): void
}

/** How each algorithm derives its key: https://cloud.google.com/storage/docs/authentication/signatures#signing-process */
const HMAC_PREFIX: Readonly<Record<string, string>> = {
  'AWS4-HMAC-SHA256': 'AWS4',
  'GOOG4-HMAC-SHA256': 'GOOG4',
}

export function createSignatures({
  keys,
  hmacKeys,
  clock,
}: {
  keys: Pick<AccountKeys, 'hasKeys' | 'verify'>
  hmacKeys: Pick<HmacKeys, 'active'>
  clock: Clock
}): Signatures {
  /** @throws StorageError 403 */
  const activeKey = (accessId: string): {secret: string; email: string} => {
    const key = hmacKeys.active(accessId)
    if (key !== undefined) return key
    throw new StorageError(
      403,
      'forbidden',
      `The provided security credentials are not valid: the local cloud has no active HMAC key ${accessId}. Create one: gcloud storage hmac create SERVICE_ACCOUNT`,
      {xmlCode: 'InvalidSecurity'},
    )
  }

  const checkRsa = (
    email: string,
    signed: readonly string[],
    signature: Buffer,
    details?: Readonly<Record<string, string>>,
  ): string => {
    if (signed.some((text) => keys.verify(email, text, signature))) return email
    throw keys.hasKeys(email)
      ? mismatch(details)
      : mismatch(
          details,
          `The local cloud has no key of ${email}. Create one: gcloud iam service-accounts keys create key.json --iam-account=${email}`,
        )
  }

  return {
    checkV4({algorithm, credential, date, signature}, signed, details) {
      const texts = [signed].flat()
      const [id = '', day = '', region = '', service = '', request = '', ...rest] = credential.split('/')
      if (request === '' || rest.length > 0 || !date.startsWith(day))
        throw invalid(`Invalid credential '${credential}': it must be ID/DATE/REGION/SERVICE/REQUEST.`)
      const bytes = Buffer.from(signature, 'hex')
      if (algorithm === 'GOOG4-RSA-SHA256') return checkRsa(id, texts, bytes, details)
      const prefix = HMAC_PREFIX[algorithm]
      if (prefix === undefined) throw invalid(`Unknown signing algorithm '${algorithm}'.`)
      const {secret, email} = activeKey(id)
      const key = [day, region, service, request].reduce<string | Buffer>(
        (derived, part) => hmac('sha256', derived, part),
        `${prefix}${secret}`,
      )
      if (!texts.some((text) => equal(hmac('sha256', key, text), bytes))) throw mismatch(details)
      return email
    },
    checkV2(accessId, signature, signed) {
      const texts = [signed].flat()
      const bytes = Buffer.from(signature, 'base64')
      const details = {StringToSign: texts[0] ?? ''}
      if (accessId.includes('@')) return checkRsa(accessId, texts, bytes, details)
      const {secret, email} = activeKey(accessId)
      if (!texts.some((text) => equal(hmac('sha1', secret, text), bytes))) throw mismatch(details)
      return email
    },
    refuseUnlessValid(end, start = 0) {
      if (clock.now() < start)
        throw new StorageError(403, 'forbidden', 'The signed URL is not valid yet.', {
          xmlCode: 'AccessDenied',
        })
      if (clock.now() <= end) return
      throw new StorageError(
        400,
        'invalid',
        `The provided token has expired. Request signature expired at: ${new Date(end).toISOString()}`,
        {xmlCode: 'ExpiredToken'},
      )
    },
  }
}

/** `20260131T120000Z` in milliseconds since 1970. @throws StorageError 400 */
export function signingTime(basic: string): number {
  const time = Date.parse(basic.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(time)) throw invalid(`Invalid date of a signature: '${basic}'.`)
  return time
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(algorithm: 'sha1' | 'sha256', key: string | Buffer, text: string): Buffer {
  return createHmac(algorithm, key).update(text).digest()
}

function equal(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function mismatch(details: Readonly<Record<string, string>> = {}, why = ''): StorageError {
  const message =
    'The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method.'
  return new StorageError(403, 'forbidden', why === '' ? message : `${message} ${why}`, {
    xmlCode: 'SignatureDoesNotMatch',
    xmlDetails: details,
  })
}
