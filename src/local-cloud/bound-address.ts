import {timingSafeEqual, hash} from 'node:crypto'
import {isIP} from 'node:net'
import {LocalCloudError} from './start-errors.ts'
import {ApiError} from './wire/api-error.ts'

const SHORTEST_TOKEN = 16

/** An address that other machines and containers reach, and what their calls must carry. */
export interface BoundAddress {
  /** An IP address; `0.0.0.0` for all of this machine's. */
  readonly host: string
  /** 0 takes a free one, which it keeps until the local cloud stops. */
  readonly port: number
  readonly token: string
}

/**
 * @param text `ADDRESS:PORT`, or for IPv6 `[ADDRESS]:PORT`
 * @throws LocalCloudError `usage` for anything else, and if there is no token of 16 characters
 */
export function parseBoundAddress(text: string, token = ''): BoundAddress {
  const {host = '', port = ''} = /^\[?(?<host>[^[\]]+)\]?:(?<port>\d{1,5})$/.exec(text)?.groups ?? {}
  if (isIP(host) === 0 || Number(port) > 65_535)
    throw new LocalCloudError(
      'usage',
      `--bind ${text}: it must be an IP address and a port, such as 0.0.0.0:4510.`,
    )
  if (token.length < SHORTEST_TOKEN)
    throw new LocalCloudError(
      'usage',
      `--bind ${text} would serve everyone who reaches this machine: calls must carry a token, which LOCAL_CLOUD_TOKEN must hold (${SHORTEST_TOKEN} characters or more).`,
      ['Choose one: export LOCAL_CLOUD_TOKEN=$(openssl rand -hex 16)'],
    )
  return {host, port: Number(port), token}
}

/** Whether an `authorization` header is `Bearer TOKEN`. */
export function isBearerOf(token: string, authorization = ''): boolean {
  const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
  const given = /^bearer +(?<token>.+)$/i.exec(authorization)?.groups?.['token'] ?? ''
  return timingSafeEqual(digest(given), digest(token))
}

export function refuseWithoutToken(): ApiError {
  return new ApiError(
    'UNAUTHENTICATED',
    'This address of the local cloud needs its token, as in `Authorization: Bearer TOKEN`: the one in LOCAL_CLOUD_TOKEN when it was started.',
  )
}
