import {createHmac, timingSafeEqual} from 'node:crypto'
import type {IncomingMessage} from 'node:http'

/** Why a request is refused. */
export interface Refusal {
  readonly status: 401 | 403
  readonly message: string
}

/**
 * Admits requests of the console's own page alone: by its name, so that foreign DNS cannot lead here; by its origin, so
 * that no other page in the browser can ask; and by the token, so that no other user of the machine can.
 */
export interface Admission {
  /** Whether a request came to this machine's name, and from no other page; a link or a file may lead here. */
  admit(message: Pick<IncomingMessage, 'rawHeaders' | 'headers'>): Refusal | undefined
  /** Whether it carries the token. */
  authorize(message: Pick<IncomingMessage, 'headers'>): Refusal | undefined
  /** A key for one path, for what a browser loads without headers: it opens nothing else. */
  keyOf(path: string): string
  isKeyOf(path: string, key: string | undefined): boolean
}

/** @param port of the server; @param token that the page gets in its address */
export function createAdmission(port: number, token: string): Admission {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  const keyOf = (path: string) => createHmac('sha256', token).update(path).digest('base64url')
  return {
    admit({rawHeaders, headers}) {
      const sent = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
      const {host = '', origin, 'sec-fetch-site': site} = headers
      if (sent.length !== 1 || !hosts.includes(host.toLowerCase()))
        return {status: 403, message: `The console answers as ${hosts.join(' and ')} only.`}
      // The page itself knows nothing: it needs the token to ask for anything.
      const isVisit = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
      const isWithin = site === undefined || site === 'same-origin' || site === 'none' || isVisit
      if (!isWithin || (origin !== undefined && origin !== `http://${host}`))
        return {status: 403, message: 'The console answers no page of another origin.'}
      return undefined
    },
    authorize({headers}) {
      const [, given = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? []
      if (isSame(given, token)) return undefined
      return {
        status: 401,
        message: 'The token is missing or wrong: open the address that the console printed.',
      }
    },
    keyOf,
    isKeyOf: (path, key = '') => isSame(key, keyOf(path)),
  }
}

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}
