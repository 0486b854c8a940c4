import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {cpuSecondsOf, memoryOf} from './process-usage.ts'
import {spreadOf} from './measure.ts'

/** The local cloud's program, as it is delivered. */
export const LOCAL_CLOUD = join(import.meta.dirname, '../../dist/src/local-cloud/main.js')

/** A server that is measured. */
export interface MeasuredServer extends AsyncDisposable {
  readonly origin: string
  readonly pid: number
}

/** The local cloud as it is delivered, on a state folder of its own that goes with it. */
export async function startOurs(): Promise<MeasuredServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  const cloud = await startLocalCloudProcess(folder, LOCAL_CLOUD)
  return {
    origin: cloud.endpoint,
    pid: cloud.pid,
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]()
      await rm(folder, {recursive: true, force: true})
    },
  }
}

/** What is measured, by its name: each value of the rounds so far. */
export type Figures = Map<string, number[]>

export function note(figures: Figures, what: string, value: number | undefined): void {
  if (value !== undefined) figures.set(what, [...(figures.get(what) ?? []), value])
}

export function noteMemory(figures: Figures, what: string, {pid}: MeasuredServer): void {
  note(figures, what, memoryOf(pid)?.nowMb)
}

/** Processor time that the server takes for some work. */
export async function noteCpu(
  figures: Figures,
  what: string,
  {pid}: MeasuredServer,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = cpuSecondsOf(pid)
  await work()
  const after = cpuSecondsOf(pid)
  if (before !== undefined && after !== undefined) note(figures, what, after - before)
}

/** Prints the medians of all, with the ratio of the first, ours, to each of the others. */
export function printFigures(title: string, servers: ReadonlyMap<string, Figures>): void {
  const [[, ours] = [undefined, new Map<string, number[]>()], ...peers] = servers
  console.log(`\n${title}`)
  console.table(
    [...ours].map(([what, values]) => {
      const {low, median, high} = spreadOf(values)
      const others = peers.flatMap(([name, figures]): [string, string][] => {
        const other = spreadOf(figures.get(what) ?? []).median
        return [
          [name, digits(other)],
          [`ours/${name}`, (median / other).toPrecision(3)],
        ]
      })
      return {
        what,
        ours: digits(median),
        quartiles: `${digits(low)}–${digits(high)}`,
        ...Object.fromEntries(others),
      }
    }),
  )
}

function digits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}
