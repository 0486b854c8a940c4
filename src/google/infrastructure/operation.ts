import {setTimeout as wait} from 'node:timers/promises'
import {AppError} from '../../core/errors.ts'
import {isJsonObject} from '../../core/json.ts'
import {toAppError} from '../errors.ts'
import {textIn, type Json, type Rest, type RestService} from '../rest.ts'
import {command, suggest} from '../../core/suggestion.ts'

/**
 * Follows a long-running operation to its end, polling every 0.2 s at first and every 3 s later.
 * @param prefix path before the operation's name, `/v1/` or `/v2/`
 * @throws AppError with the operation's message, `deploy-failed` if it is Cloud Run's; the signal's reason
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
  if (!isJsonObject(error)) return
  const message = textIn(error, 'message') ?? 'The operation failed without a message.'
  if (service !== 'run') throw toAppError(new OperationError(error['code'], message), 'The operation failed')
  throw new AppError(message, {
    code: 'deploy-failed',
    suggestions: [suggest`See the worker's errors: ${command('logs', '--severity', 'error')}`],
  })
}

/** A failed operation, with its gRPC code. */
class OperationError extends Error {
  override readonly name = 'OperationError'
  readonly code: unknown

  constructor(code: unknown, message: string) {
    super(message)
    this.code = code
  }
}
