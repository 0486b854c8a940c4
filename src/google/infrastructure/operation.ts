import {setTimeout as wait} from 'node:timers/promises'
import {AppError} from '../../core/errors.ts'
import {isJson, textIn, type Json, type Rest, type RestService} from '../rest.ts'

/**
 * Follows a long-running operation to its end, asking every 0.2 s at first and every 3 s later.
 * @param prefix path before the operation's name, `/v1/` or `/v2/`
 * @throws AppError `deploy-failed` with the operation's message; the signal's reason
 */
export async function settled(
  operation: Json,
  {rest, service, prefix, signal}: {rest: Rest; service: RestService; prefix: string; signal: AbortSignal},
): Promise<void> {
  let current = operation
  for (let delay = 200; current['done'] !== true; delay = Math.min(delay * 1.5, 3000)) {
    const name = textIn(current, 'name')
    if (name === undefined) return
    await wait(delay, undefined, {signal})
    current = await rest.request(service, 'GET', `${prefix}${name}`)
  }
  const error = current['error']
  if (isJson(error)) {
    throw new AppError(textIn(error, 'message') ?? 'The operation failed without a message.', {
      code: 'deploy-failed',
      suggestions: ['See what the worker said: cloud-runner logs --severity error'],
    })
  }
}
