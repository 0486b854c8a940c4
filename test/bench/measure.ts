import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {request} from 'node:http'
import {setTimeout as delay} from 'node:timers/promises'
import {freePort} from '../../src/local-cloud/instances/free-port.ts'

/** Quartiles of some durations in milliseconds. */
export interface Spread {
  readonly low: number
  readonly median: number
  readonly high: number
}

export function spreadOf(durations: readonly number[]): Spread {
  const sorted = durations.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN
  return {low: at(0.25), median: at(0.5), high: at(0.75)}
}

/**
 * Takes turns between several measurements, so that whatever else the machine does hits all of them alike, and prints
 * each with its ratio to the last, the baseline. One unmeasured turn warms caches.
 */
export async function compare(
  title: string,
  rounds: number,
  measurements: Record<string, () => Promise<number>>,
): Promise<void> {
  const durations = new Map<string, number[]>()
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of Object.entries(measurements)) {
      const duration = await measure()
      if (round > 0) durations.set(name, [...(durations.get(name) ?? []), duration])
    }
  }
  const spreads = [...durations].map(([name, all]) => ({name, ...spreadOf(all)}))
  const baseline = spreads.at(-1)?.median ?? Number.NaN
  console.log(`\n${title} (${rounds} rounds)`)
  console.table(
    spreads.map(({name, low, median, high}) => ({
      what: name,
      'median ms': Math.round(median),
      'quartiles ms': `${Math.round(low)}–${Math.round(high)}`,
      ratio: (median / baseline).toFixed(2),
    })),
  )
}

/** Milliseconds from the start of a Node process to its end. @throws Error where it does not exit with 0 */
export async function timeProcess(args: readonly string[]): Promise<number> {
  const begin = performance.now()
  const child = spawn(process.execPath, args, {stdio: ['ignore', 'ignore', 'inherit']})
  const [exitCode]: unknown[] = await once(child, 'exit')
  const duration = performance.now() - begin
  if (exitCode !== 0) throw new Error(`node ${args.join(' ')} exited with ${String(exitCode)}.`)
  return duration
}

/** Milliseconds from the start of a Node process that serves on `PORT` to its first 200; the process is then ended. */
export async function timeServer(
  args: readonly string[],
  path: string,
  environment: Record<string, string>,
): Promise<number> {
  const port = await freePort()
  const begin = performance.now()
  const child = spawn(process.execPath, args, {
    env: {...environment, PORT: String(port)},
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  while ((await statusOf(port, path)) !== 200) {
    if (child.exitCode !== null) throw new Error(`node ${args.join(' ')} exited with ${child.exitCode}.`)
    await delay(1)
  }
  const duration = performance.now() - begin
  child.kill('SIGKILL')
  await exited
  return duration
}

export function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    request({host: '127.0.0.1', port, path, agent: false}, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', () => resolve(undefined))
      .end()
  })
}
