import {AppError, type ErrorCode} from '../core/errors.ts'
import {fieldsOf, type JsonObject} from '../core/json.ts'
import {command, suggest} from '../core/suggestion.ts'
import {runningLocalCloud} from './local-cloud-address.ts'

const CODES: Readonly<Record<number, ErrorCode>> = {400: 'invalid-request', 404: 'not-found', 409: 'conflict'}

/**
 * Calls a route below `/_local-cloud/` of the local cloud that runs on a state folder.
 * @throws AppError `unreachable` if none is running, or it ends before it answers; by the status of the answer if it is an error
 */
export async function askLocalCloud(
  folder: string,
  {method, path, body}: {readonly method: string; readonly path: string; readonly body?: object | undefined},
): Promise<JsonObject> {
  const running = await runningLocalCloud(folder)
  if (running === undefined) {
    throw new AppError('The local cloud is not running.', {
      code: 'unreachable',
      suggestions: [suggest`Start it: ${command('local start')}`],
    })
  }
  const response = await fetch(`${running.endpoint}/_local-cloud/${path}`, {
    method,
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  }).catch((cause: unknown) => {
    throw new AppError('The local cloud does not answer.', {
      code: 'unreachable',
      suggestions: [suggest`See whether it runs: ${command('local status')}`],
      cause,
    })
  })
  const answer = fieldsOf(await response.json())
  if (response.ok) return answer
  const {message} = fieldsOf(answer['error'])
  throw new AppError(typeof message === 'string' ? message : `The local cloud answered ${response.status}.`, {
    code: CODES[response.status] ?? 'local-cloud-failed',
  })
}
