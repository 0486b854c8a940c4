import type {IncomingMessage} from 'node:http'
import {json} from 'node:stream/consumers'
import type {Clock} from '../../wire/clock.ts'
import {isJsonObject} from '../../wire/json.ts'
import type {Exit, Instance, InstanceSpec} from '../instance.ts'
import {Lines, LONGEST_LINE_BYTES} from '../lines.ts'
import {HeapAbort} from '../memory.ts'
import {Demultiplexer} from './demultiplex.ts'
import {type Engine, EngineError} from './engine.ts'
import {removeContainer} from './leftovers.ts'

/** How long to wait for output after the container has ended. */
const LATE_OUTPUT_MS = 500

/**
 * Starts a created container, follows it until it ends, then removes it.
 * @throws EngineError if it does not start
 */
export async function followContainer({
  engine,
  container,
  id,
  port,
  spec: {output, limits, reach},
  clock,
}: {
  engine: Engine
  container: string
  id: string
  port: number
  spec: Pick<InstanceSpec, 'output' | 'limits' | 'reach'>
  clock: Clock
}): Promise<Instance> {
  // Attach and wait before the start, so as to miss neither its first line nor its end.
  const attached = await engine.stream('POST', `/containers/${container}/attach?stream=1&stdout=1&stderr=1`)
  const waiting = await engine.stream('POST', `/containers/${container}/wait?condition=next-exit`)
  const heap = new HeapAbort()
  const outputEnded = readOutput(attached, (stream, line) => {
    if (stream === 'stderr') heap.read(line)
    output(stream, line)
  })
  await engine.call('POST', `/containers/${container}/start`)
  const {pid} = await inspect(engine, container)

  const exited = (async (): Promise<Exit> => {
    const code = await exitCode(waiting)
    const late = setTimeout(() => attached.destroy(), LATE_OUTPUT_MS)
    await outputEnded
    clearTimeout(late)
    const outOfMemory =
      (await inspect(engine, container)).outOfMemory || heap.isReasonOf({code, signal: null})
    await removeContainer(engine, container).catch(() => undefined)
    return {code, signal: null, outOfMemory, memory: {limitBytes: limits.memoryBytes, peakBytes: undefined}}
  })()

  const kill = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    try {
      await engine.call('POST', `/containers/${container}/kill?signal=${signal}`)
    } catch (error) {
      // It has ended or is already removed.
      if (!(error instanceof EngineError)) throw error
    }
  }
  return {
    id,
    pid,
    port,
    reach,
    // An engine does not report it; callers probe the port.
    listening: new Promise(() => undefined),
    exited,
    async stop(graceMs) {
      void kill('SIGTERM').catch(() => undefined)
      const timer = clock.after(graceMs, () => void kill('SIGKILL').catch(() => undefined))
      try {
        return await exited
      } finally {
        timer.clear()
      }
    },
  }
}

/** Resolves at the end of the stream; never rejects. */
function readOutput(attached: IncomingMessage, output: InstanceSpec['output']): Promise<void> {
  const lines = {
    stdout: new Lines((line) => output('stdout', line), LONGEST_LINE_BYTES),
    stderr: new Lines((line) => output('stderr', line), LONGEST_LINE_BYTES),
  }
  const frames = new Demultiplexer((stream, bytes) => lines[stream].push(bytes))
  return new Promise((resolve) => {
    attached.on('data', (chunk: Buffer) => frames.push(chunk))
    attached.on('error', () => undefined)
    attached.once('close', () => {
      lines.stdout.end()
      lines.stderr.end()
      resolve()
    })
  })
}

/** If the engine goes away, its containers count as killed. */
async function exitCode(waiting: IncomingMessage): Promise<number> {
  const result: unknown = await json(waiting).catch(() => undefined)
  return isJsonObject(result) ? Number(result['StatusCode'] ?? 137) : 137
}

async function inspect(engine: Engine, container: string): Promise<{pid: number; outOfMemory: boolean}> {
  const found: unknown = await engine.call('GET', `/containers/${container}/json`).catch(() => undefined)
  const state = isJsonObject(found) ? found['State'] : undefined
  if (!isJsonObject(state)) return {pid: 0, outOfMemory: false}
  return {
    pid: Number(state['Pid'] ?? 0),
    outOfMemory: state['OOMKilled'] === true,
  }
}
