import {once} from 'node:events'
import {createWriteStream} from 'node:fs'
import {mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {bundleWorker} from '../../src/image/bundle.ts'
import {generateSample, SAMPLE_SEED} from '../../src/core/sample/index.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {pushEnvelope} from '../support/push-envelope.ts'
import {startWorker} from './worker-process.ts'
import {randomFrom} from '../support/random.ts'

/** Ten million rows are a gigabyte: only where they are asked for. */
const ROWS = [1000, 10_000, 100_000, 1_000_000, ...(process.env['BENCH_TEN_MILLION'] ? [10_000_000] : [])]
const COLUMNS = [10, 100, 1000, 10_000]
/** Cells of each file of {@link COLUMNS}. */
const CELLS = 400_000
const LABEL = 'bankrupt'
/** What an instance of 4 GiB may take. */
const MEMORY_LIMIT = '4Gi'

/** A file and what it is the measure of. */
interface Step {
  readonly what: string
  readonly chunks: Iterable<string>
}

/**
 * How the packaged worker's time, memory and turns of the event loop grow with rows and with columns. Each file goes to
 * a worker of its own, twice, so that its peak is the file's, and the first shows what compiling the code costs.
 */
export async function benchWorkerGrowth(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  try {
    await using cloud = await startLocalCloudProcess(join(folder, 'state'))
    const storage = new Storage({
      apiEndpoint: cloud.endpoint,
      projectId: 'bench',
      useAuthWithCustomEndpoint: false,
    })
    for (const bucket of ['input', 'output']) await storage.createBucket(bucket)
    const files = await bundleWorker({folder: undefined})
    for (const {path, content} of files) await writeFile(join(folder, basename(path)), content)
    const figures = []
    for (const step of steps()) {
      const file = join(folder, 'file.csv')
      await writeText(file, step.chunks)
      const {size} = await stat(file)
      const [uploaded] = await storage
        .bucket('input')
        .upload(file, {destination: step.what, resumable: false})
      figures.push({
        file: step.what,
        MB: Number((size / 1e6).toFixed(1)),
        ...(await measure(cloud.endpoint, folder, step.what, String(uploaded.metadata.generation))),
      })
      await storage.bucket('input').file(step.what).delete()
      await storage.bucket('output').deleteFiles({prefix: '', force: true})
    }
    console.log('\nGrowth of a file, in rows and in columns (label and predictions included)')
    console.table(figures)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

function* steps(): Generator<Step> {
  for (const rows of ROWS) {
    yield {what: `${rows.toLocaleString('en')} rows × 16`, chunks: generateSample({rows, seed: SAMPLE_SEED})}
  }
  for (const columns of COLUMNS) {
    const rows = CELLS / columns
    yield {
      what: `${rows.toLocaleString('en')} rows × ${columns.toLocaleString('en')}`,
      chunks: numbers(rows, columns),
    }
  }
}

/** Normal numbers, of which the first ten predict the label. */
function* numbers(rows: number, columns: number): Generator<string> {
  const {uniform, normal} = randomFrom(1)
  yield `${Array.from({length: columns - 1}, (_, j) => `x${j}`).join(',')},${LABEL}\n`
  for (let i = 0; i < rows; i++) {
    const values = Array.from({length: columns - 1}, normal)
    const score = values.slice(0, 10).reduce((sum, value) => sum + value, 0)
    yield `${values.map((value) => value.toFixed(3)).join(',')},${uniform() < 1 / (1 + Math.exp(-score)) ? 1 : 0}\n`
  }
}

async function writeText(file: string, chunks: Iterable<string>): Promise<void> {
  const stream = createWriteStream(file)
  for (const chunk of chunks) if (!stream.write(chunk)) await once(stream, 'drain')
  stream.end()
  await once(stream, 'close')
}

async function measure(endpoint: string, folder: string, object: string, generation: string) {
  const turnsFile = join(folder, 'turns.json')
  const times: number[] = []
  let cpu = 0
  let peakMb: number | undefined
  {
    await using worker = await startWorker({
      command: [
        process.execPath,
        '--import',
        join(import.meta.dirname, 'turns.ts'),
        join(folder, 'worker.cjs'),
      ],
      folder,
      environment: {
        STORAGE_EMULATOR_HOST: endpoint,
        INPUT_BUCKET: 'input',
        OUTPUT_BUCKET: 'output',
        LABEL_COLUMN: LABEL,
        MEMORY_LIMIT,
        TURNS_FILE: turnsFile,
      },
    })
    for (let i = 1; i <= 2; i++) {
      const before = worker.cpuSeconds() ?? NaN
      const begin = performance.now()
      const response = await fetch(`http://127.0.0.1:${worker.port}/`, {
        method: 'POST',
        body: JSON.stringify(
          pushEnvelope({bucket: 'input', object, generation, messageId: String(i), reprocessId: String(i)}),
        ),
      })
      if (!response.ok) throw new Error(`${object}: ${response.status} ${await response.text()}`)
      times.push(performance.now() - begin)
      cpu = (worker.cpuSeconds() ?? NaN) - before
    }
    peakMb = worker.memory()?.peakMb
  }
  const turns: {delayMs: number; processorMs: number} = JSON.parse(await readFile(turnsFile, 'utf8'))
  const [first = NaN, second = NaN] = times
  return {
    'first, s': Number((first / 1000).toFixed(3)),
    'second, s': Number((second / 1000).toFixed(3)),
    'its CPU, s': Number(cpu.toFixed(2)),
    'peak MB': Math.round(peakMb ?? NaN),
    'longest turn, CPU ms': Math.round(turns.processorMs),
    'wall ms': Math.round(turns.delayMs),
  }
}
