/** Settings of the thread. Times are in milliseconds. */
export interface WatchdogOptions {
  /** The worker's own deadline for a delivery. */
  readonly ownDeadlineMs: number
  /** How long a blocked event loop is tolerated after that. */
  readonly toleratedMs: number
  /** Address on which the thread serves `GET /healthz`; `undefined`: none. */
  readonly health: {readonly port: number; readonly host: string | undefined} | undefined
  /** The header that every request to `/healthz` must carry, and its value. */
  readonly secret: {readonly header: string; readonly value: string} | undefined
}

/** What the main thread reports: work on a delivery began or settled, or the event loop answers. */
export type WatchdogMessage =
  | {
      readonly kind: 'began'
      readonly id: number
      /** Its own deadline on the system's monotonic clock (`process.hrtime`), milliseconds. */
      readonly endsAtMs: number
      /** Fields of every log line about the delivery. */
      readonly common: Readonly<Record<string, unknown>>
    }
  | {readonly kind: 'ended'; readonly id: number}
  | {readonly kind: 'alive'}

/**
 * The watchdog's thread. It keeps pinging the main thread's event loop. If the loop is blocked past a delivery's
 * deadline, or for as long as a delivery may take, the thread writes a log line for each delivery in progress and
 * ends the process with exit code 70 (EX_SOFTWARE of sysexits.h).
 *
 * A worker is bundled into one file, so the thread runs the source text of this function, which must not reference
 * anything outside it.
 */
export function watchdogThread(): void {
  const {parentPort, workerData} = process.getBuiltinModule('node:worker_threads')
  const {writeSync} = process.getBuiltinModule('node:fs')
  const {Session} = process.getBuiltinModule('node:inspector')
  const {ownDeadlineMs, toleratedMs, health, secret}: WatchdogOptions = workerData

  const LONGEST_TICK_MS = 1000
  /** Time for the debugger to pause the main thread and map the stack to the sources. */
  const LOCATE_MS = 2000
  const tickMs = Math.max(10, Math.min(LONGEST_TICK_MS, toleratedMs / 4))
  const now = (): number => Number(process.hrtime.bigint()) / 1e6
  const inProgress = new Map<number, {endsAtMs: number; common: Readonly<Record<string, unknown>>}>()
  let isAsked = false
  let isEnding = false
  // Counted in ticks of this thread: a throttled container or a sleeping machine stops it together with the loop.
  let silentMs = 0
  let overdueMs = 0
  let lastTick = now()

  const isDead = (): boolean => overdueMs >= toleratedMs || silentMs >= ownDeadlineMs

  parentPort?.on('message', (message: WatchdogMessage) => {
    if (message.kind === 'began') inProgress.set(message.id, message)
    else if (message.kind === 'ended') inProgress.delete(message.id)
    else {
      isAsked = false
      silentMs = 0
      overdueMs = 0
    }
  })
  setInterval(() => {
    const time = now()
    const passed = Math.min(time - lastTick, tickMs)
    lastTick = time
    if (!isAsked) {
      isAsked = true
      parentPort?.postMessage('alive?', [])
      return
    }
    silentMs += passed
    if ([...inProgress.values()].some(({endsAtMs}) => endsAtMs <= time)) overdueMs += passed
    if (isDead() && !isEnding) void end()
  }, tickMs)

  async function end(): Promise<void> {
    isEnding = true
    const debug = new Session()
    const place = await locate(debug)
    // The loop recovered before the debugger could pause it: what blocked it was not JavaScript, and has finished.
    if (place === undefined && !isAsked) {
      isEnding = false
      debug.disconnect()
      return
    }
    const time = now()
    const all = [...inProgress.values()]
    const overdue = all.filter(({endsAtMs}) => endsAtMs <= time)
    const blocked = `the event loop was blocked for ${seconds(silentMs)} s, past the deadline of ${seconds(ownDeadlineMs)} s`
    const advice = 'The process exits. Yield to the event loop regularly, or raise requestTimeout'
    for (const {common} of overdue) {
      const by = overdue.length > 1 ? ' by this file or another one' : ''
      const fields = {outcome: 'refused', ...(place === undefined ? {} : {stack_trace: place.stack})}
      write('ERROR', `refused, to be delivered again: ${blocked}${by}. ${advice}`, fields, common)
    }
    for (const {common, endsAtMs} of all) {
      if (endsAtMs <= time) continue
      const reason = 'another file blocks the event loop, so the process exits'
      write('WARNING', `refused, to be delivered again: ${reason}`, {outcome: 'refused'}, common)
    }
    if (all.length === 0)
      write(
        'CRITICAL',
        `${blocked}, with no file in progress. ${advice}`,
        place === undefined ? {} : {stack_trace: place.stack},
        {},
      )
    // PID 1 of a container cannot kill itself, so the main thread must exit. Its stderr is closed first, or Node
    // would print that it waits for the debugger.
    place?.evaluate("process.getBuiltinModule('node:fs').closeSync(2); process.reallyExit(70)")
    setTimeout(
      () => {
        process.kill(process.pid, 'SIGKILL')
        isEnding = false
      },
      place === undefined ? 0 : LOCATE_MS,
    )
  }

  /** Pauses the main thread. @returns `undefined` if it is not running JavaScript, or no debugger is available */
  function locate(
    debug: InstanceType<typeof Session>,
  ): Promise<{readonly stack: string; evaluate(expression: string): void} | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), LOCATE_MS)
      const evaluate = (expression: string): void => debug.post('Runtime.evaluate', {expression})
      debug.on('Debugger.paused', () => {
        // In the global scope, since the top frame may be one of Node's own, which hides globals; and without the
        // expression's own frame.
        const expression = String.raw`new Error('The event loop is blocked here.').stack.replace(/\n.*/, '')`
        debug.post('Runtime.evaluate', {expression}, (error, answer) => {
          clearTimeout(timer)
          resolve({stack: error === null ? String(answer.result.value) : '', evaluate})
        })
      })
      try {
        debug.connectToMainThread()
        debug.post('Debugger.enable')
        debug.post('Debugger.pause')
      } catch {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }

  function write(
    severity: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
    common: Readonly<Record<string, unknown>>,
  ): void {
    const line = {...fields, severity, message, time: new Date().toISOString(), ...common}
    try {
      writeSync(1, `${JSON.stringify(line)}\n`)
    } catch {
      // A closed stdout must not keep the process alive.
    }
  }

  function seconds(ms: number): string {
    return String(Number((ms / 1000).toPrecision(3)))
  }

  if (health !== undefined) {
    const {createServer} = process.getBuiltinModule('node:http')
    const server = createServer((request, response) => {
      const answer = (status: number, text: string): void =>
        void response.writeHead(status, {'content-type': 'text/plain; charset=utf-8'}).end(`${text}\n`)
      if (secret !== undefined && request.headers[secret.header] !== secret.value) answer(403, 'forbidden')
      else if (request.url?.split('?', 1)[0] !== '/healthz') answer(404, 'not found')
      else if (isDead()) answer(503, 'the event loop is blocked past its deadline')
      else answer(200, 'ok')
    })
    server.on('error', ({message}) => write('ERROR', `the liveness endpoint failed: ${message}`, {}, {}))
    server.listen(health)
  }
}
