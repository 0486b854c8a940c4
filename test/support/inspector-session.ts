/** A session of the debugger of Node, over WebSocket (chromedevtools.github.io/devtools-protocol). */
export interface InspectorSession extends Disposable {
  /** Sends a command. @returns its result */
  readonly send: (method: string, params?: object) => Promise<Readonly<Record<string, unknown>>>
  /** The next event of this name from now on. */
  readonly next: (method: string) => Promise<Readonly<Record<string, unknown>>>
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly result?: Readonly<Record<string, unknown>>
  readonly params?: Readonly<Record<string, unknown>>
}

/** @param url `ws://…`, as Node prints it */
export async function attachInspector(url: string): Promise<InspectorSession> {
  const socket = new WebSocket(url)
  const opened = Promise.withResolvers<void>()
  socket.addEventListener('open', () => opened.resolve())
  socket.addEventListener('error', () => opened.reject(new Error(`Nothing listens at ${url}.`)))
  const waiting = new Map<number | string, (fields: Readonly<Record<string, unknown>>) => void>()
  socket.addEventListener('message', ({data}) => {
    const {id, method = '', result, params}: Message = JSON.parse(String(data))
    const key = id ?? method
    waiting.get(key)?.(result ?? params ?? {})
    waiting.delete(key)
  })
  await opened.promise
  let last = 0
  return {
    send(method, params = {}) {
      last += 1
      const id = last
      socket.send(JSON.stringify({id, method, params}))
      return new Promise((resolve) => waiting.set(id, resolve))
    },
    next: (method) => new Promise((resolve) => waiting.set(method, resolve)),
    [Symbol.dispose]: () => socket.close(),
  }
}
