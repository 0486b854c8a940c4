/** In place of `node:timers/promises`. */

interface Options {
  readonly signal?: AbortSignal | undefined
}

function pass<T>(delayMs: number | undefined, value: T, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer[Symbol.dispose]()
      reject(new DOMException('The operation was aborted', 'AbortError'))
    }
    const finish = (): void => {
      signal?.removeEventListener('abort', abort)
      resolve(value)
    }
    const timer = delayMs === undefined ? setImmediate(finish) : setTimeout(finish, delayMs)
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort)
  })
}

function after<T>(delayMs?: number, value?: T, {signal}: Options = {}): Promise<T | undefined> {
  return pass(delayMs ?? 1, value, signal)
}

function next<T>(value?: T, {signal}: Options = {}): Promise<T | undefined> {
  return pass(undefined, value, signal)
}

export {after as setTimeout, next as setImmediate}
