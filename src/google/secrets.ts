import {AppError} from '../core/errors.ts'
import {isJsonObject} from '../core/json.ts'
import type {Secrets} from '../core/ports/secrets.ts'
import type {Connection} from './connection.ts'
import {textIn, type Rest} from './rest.ts'

/** https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions#State */
const STATES = ['enabled', 'disabled', 'destroyed'] as const

/** https://cloud.google.com/secret-manager/docs/reference/rest */
export function createSecrets({projectId}: Pick<Connection, 'projectId'>, rest: Rest): Secrets {
  const parent = `/v1/projects/${projectId}/secrets`
  return {
    async newest(secret) {
      try {
        const answer = await rest.get('secretmanager', `${parent}/${secret}/versions/latest:access`)
        const payload = answer?.['payload']
        const data = isJsonObject(payload) ? textIn(payload, 'data') : undefined
        return data === undefined ? undefined : Buffer.from(data, 'base64').toString()
      } catch (error) {
        // The newest version is disabled or destroyed: FAILED_PRECONDITION is 400 over REST.
        if (error instanceof AppError && /is in (?:DISABLED|DESTROYED) state/.test(error.message))
          return undefined
        throw error
      }
    },
    async state(secret, version) {
      const found = await rest.get('secretmanager', `${parent}/${secret}/versions/${version}`)
      const state = STATES.find((known) => known === textIn(found, 'state')?.toLowerCase())
      if (state !== undefined) return state
      return (await rest.get('secretmanager', `${parent}/${secret}`)) === undefined
        ? 'no secret'
        : 'no version'
    },
    async add(secret, value) {
      if ((await rest.get('secretmanager', `${parent}/${secret}`)) === undefined)
        await rest.request('secretmanager', 'POST', `${parent}?secretId=${encodeURIComponent(secret)}`, {
          replication: {automatic: {}},
        })
      await rest.request('secretmanager', 'POST', `${parent}/${secret}:addVersion`, {
        payload: {data: Buffer.from(value).toString('base64')},
      })
    },
  }
}
