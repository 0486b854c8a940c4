import {existsSync} from 'node:fs'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {availableParallelism, loadavg, tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {bundleWorker} from '../../src/image/bundle.ts'
import {generateSample, SAMPLE_SEED} from '../../src/core/sample/index.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {pushEnvelope} from '../support/push-envelope.ts'
import {spreadOf} from './measure.ts'
import {type RunningWorker, startWorker, type WorkerCommand} from './worker-process.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
/** Rows of each file and how often it is sent to each start of a worker; only the last ones count. */
const FILES = [
  {rows: 1000, sent: 21, counted: 20},
  {rows: 100_000, sent: 3, counted: 2},
  {rows: 1_000_000, sent: 3, counted: 2},
] as const
/** Also sent to a start of its own: its first file, before its code is compiled. */
const LARGEST = 1_000_000
const PEER_FOLDER = join(import.meta.dirname, '..', '..', '..', 'shared', 'bench')

/** What is measured, each in the order of the rounds. */
type Figures = Map<string, number[]>

/**
 * Whole workers, from the notification to the answer, with Cloud Storage of the local cloud: ours, and beside it in
 * the same rounds the usual Python one (Flask, pandas, scikit-learn), where PEER_PYTHON names a Python that has it.
 */
export async function benchWorkerFiles(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  try {
    await using cloud = await startLocalCloudProcess(join(folder, 'state'))
    const samples = await uploadSamples(cloud.endpoint, folder)
    const environment = {
      STORAGE_EMULATOR_HOST: cloud.endpoint,
      METADATA_SERVER_DETECTION: 'none',
      INPUT_BUCKET: 'input',
      OUTPUT_BUCKET: 'output',
      LABEL_COLUMN: 'default',
      // As many as a pipeline has unless its settings say otherwise.
      CPU_LIMIT: '1',
    }
    const workers = new Map([['ours', await ourWorker(folder, environment)]])
    const peer = peerWorker(environment)
    if (typeof peer === 'string') console.log(`\nskipped: the Python worker: ${peer}`)
    else workers.set('Python', peer)
    const figures = new Map([...workers.keys()].map((name): [string, Figures] => [name, new Map()]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, worker] of workers) {
        await measureWorker(worker, samples, figures.get(name) ?? new Map())
        await measureFirst(worker, samples, figures.get(name) ?? new Map())
        await measureThreads(worker, samples, figures.get(name) ?? new Map())
      }
    }
    print(figures)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

/** Resources by object. */
type Samples = ReadonlyMap<string, object>

async function uploadSamples(endpoint: string, folder: string): Promise<Samples> {
  const storage = new Storage({apiEndpoint: endpoint, projectId: 'bench', useAuthWithCustomEndpoint: false})
  for (const bucket of ['input', 'output']) await storage.createBucket(bucket)
  const samples = new Map<string, object>()
  for (const {rows} of FILES) {
    const file = join(folder, `${rows}.csv`)
    // The Python worker knows its label by this name alone.
    const chunks = [...generateSample({rows, seed: SAMPLE_SEED})]
    await writeFile(file, chunks.join('').replace('bankrupt', 'default'))
    const [uploaded] = await storage.bucket('input').upload(file, {resumable: false})
    samples.set(basename(file), uploaded.metadata)
  }
  return samples
}

async function ourWorker(folder: string, environment: Record<string, string>): Promise<WorkerCommand> {
  const files = await bundleWorker({folder: undefined})
  for (const {path, content} of files) await writeFile(join(folder, basename(path)), content)
  return {command: [process.execPath, join(folder, 'worker.cjs')], folder, environment}
}

/** @returns why not, where it cannot be run */
function peerWorker(environment: Record<string, string>): WorkerCommand | string {
  const python = process.env['PEER_PYTHON']
  const folder = process.env['PEER_FOLDER'] ?? PEER_FOLDER
  if (python === undefined)
    return 'PEER_PYTHON names no Python with flask, gunicorn, pandas, scikit-learn and google-cloud-storage'
  if (!existsSync(join(folder, 'peer_worker.py'))) return `${folder} has no peer_worker.py`
  const gunicorn = [
    '-m',
    'gunicorn',
    '-w',
    '1',
    '--threads',
    '1',
    '--timeout',
    '900',
    '-b',
    '127.0.0.1:$PORT',
  ]
  return {command: [python, ...gunicorn, 'peer_worker:app'], folder, environment}
}

async function measureWorker(command: WorkerCommand, samples: Samples, figures: Figures): Promise<void> {
  await using worker = await startWorker(command)
  add(figures, 'start to first 200, ms', worker.startMs)
  add(figures, 'memory idle, MB', worker.memory()?.nowMb)
  for (const {rows, sent, counted} of FILES) {
    const object = `${rows}.csv`
    for (let i = 1; i <= sent; i++) {
      const before = worker.cpuSeconds()
      const ms = await deliver(worker.port, object, samples)
      if (i <= sent - counted) continue
      add(figures, `${rows} rows, ms`, ms)
      add(figures, `${rows} rows, CPU ms`, cpuMsSince(before, worker))
    }
    add(figures, `memory peak after ${rows} rows, MB`, worker.memory()?.peakMb)
  }
}

async function measureFirst(command: WorkerCommand, samples: Samples, figures: Figures): Promise<void> {
  await using worker = await startWorker(command)
  const object = `${LARGEST}.csv`
  const before = worker.cpuSeconds()
  const ms = await deliver(worker.port, object, samples)
  add(figures, `${LARGEST} rows, first of a process, ms`, ms)
  add(figures, `${LARGEST} rows, first of a process, CPU ms`, cpuMsSince(before, worker))
  add(figures, `memory peak of ${LARGEST} rows alone, MB`, worker.memory()?.peakMb)
}

/** The largest file once the code is warm, with two processors; the Python worker uses what there is in any case. */
async function measureThreads(
  {environment, ...command}: WorkerCommand,
  samples: Samples,
  figures: Figures,
): Promise<void> {
  await using worker = await startWorker({...command, environment: {...environment, CPU_LIMIT: '2'}})
  const object = `${LARGEST}.csv`
  for (let i = 1; i <= 2; i++) {
    const ms = await deliver(worker.port, object, samples)
    if (i === 2) add(figures, `${LARGEST} rows, two processors, ms`, ms)
  }
  add(figures, 'memory peak of both, MB', worker.memory()?.peakMb)
}

/** Neighbours on the machine lengthen it less than the time that passes. */
function cpuMsSince(before: number | undefined, worker: RunningWorker): number | undefined {
  const now = worker.cpuSeconds()
  return before === undefined || now === undefined ? undefined : 1000 * (now - before)
}

function add(figures: Figures, name: string, value: number | undefined): void {
  if (value !== undefined) figures.set(name, [...(figures.get(name) ?? []), value])
}

let messages = 0

/** Milliseconds from the notification to the answer. */
async function deliver(port: number, object: string, samples: Samples): Promise<number> {
  messages++
  const payload = samples.get(object) ?? {}
  const {generation}: {generation?: unknown} = payload
  const event = {
    bucket: 'input',
    object,
    generation: String(generation),
    payload,
    messageId: String(messages),
    reprocessId: String(messages),
  }
  const begin = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify(pushEnvelope(event)),
  })
  await response.arrayBuffer()
  const ms = performance.now() - begin
  if (!response.ok) throw new Error(`${object}: ${response.status}`)
  return ms
}

function print(figures: ReadonlyMap<string, Figures>): void {
  const [ours = new Map<string, number[]>(), peer] = figures.values()
  console.log(
    `\nWorkers, file in to file out (${ROUNDS} rounds on ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)})`,
  )
  console.table(
    [...ours].map(([what, values]) => {
      const {low, median, high} = spreadOf(values)
      const other = spreadOf(peer?.get(what) ?? [])
      return {
        what,
        ours: Number(median.toPrecision(4)),
        quartiles: `${Math.round(low)}–${Math.round(high)}`,
        ...(peer === undefined
          ? {}
          : {
              Python: Number(other.median.toPrecision(4)),
              'of it': `1/${(other.median / median).toFixed(1)}`,
            }),
      }
    }),
  )
}
