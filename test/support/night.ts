import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'

/**
 * Does to a file what its name says. A good file waits instead of computing, so that two pipelines on one machine do
 * not slow each other down.
 */
export const WORKER = `import {setTimeout as delay} from 'node:timers/promises'
import {PermanentError} from 'cloud-runner/worker'

const deeds = {
  bad() { throw new PermanentError('Not a file for this worker.', {code: 'not-for-me'}) },
  throw() { throw new Error('thrown on purpose') },
  exit() { process.exit(7) },
  memory() {
    const kept = []
    for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1))
  },
  hang: () => new Promise(() => setInterval(() => undefined, 60_000)),
  spin() { for (;;); },
}

export const processor = {
  name: 'night',
  async process({object}, output) {
    await deeds[object.split(/[/.]/).at(-2)]?.()
    await delay(400)
    await output.write(object)
  },
}
`

export const SETTINGS = {
  worker: './worker',
  maxInstances: 2,
  memory: '512Mi',
  requestTimeout: '5s',
  minimumBackoff: '1s',
  maximumBackoff: '10s',
}

const FILES = 300
export const TROUBLE = ['bad', 'throw', 'exit', 'memory', 'hang', 'spin'].map((deed) => `files/${deed}.txt`)

export interface File {
  readonly object: string
  readonly state: string
  readonly uploadedAt: string
  readonly hops: readonly {readonly name: string; readonly at: string}[]
  readonly error?: {readonly code: string; readonly message: string}
  readonly lastError?: {readonly message: string; readonly at: string}
}

/** Runs a command of the CLI in a folder. @returns its standard output, however it ended */
export type Run = (...args: string[]) => Promise<string>

/** A pipeline whose worker knows trouble, and a folder `files` with good files and these. */
export async function setupNight(folder: string, trouble: readonly string[], run: Run): Promise<void> {
  await mkdir(join(folder, 'worker'))
  await mkdir(join(folder, 'files'))
  await writeFile(join(folder, 'worker', 'processor.js'), WORKER)
  await writeFile(join(folder, 'cloud-runner.json'), JSON.stringify(SETTINGS))
  const good = Array.from({length: FILES - TROUBLE.length}, (_, file) => `files/${file}.txt`)
  await Promise.all([...trouble, ...good].map((name) => writeFile(join(folder, name), name)))
  await run('setup')
}

/** What `status` lists. */
export async function listFiles(run: Run, ...args: string[]): Promise<File[]> {
  const listed: {files: File[]} = JSON.parse(await run('status', ...args, '--limit', String(FILES), '--json'))
  return listed.files
}

/** Uploads everything. @returns milliseconds from the first upload until every good file has its result */
export async function processAll(run: Run): Promise<number> {
  await run('upload', 'files')
  for (;;) {
    const all = await listFiles(run)
    const done = all.filter(({state}) => state === 'done')
    if (done.length === FILES - TROUBLE.length) {
      const written = done.map(({hops}) => Date.parse(hops.find(({name}) => name === 'written')?.at ?? ''))
      return Math.max(...written) - Math.min(...all.map(({uploadedAt}) => Date.parse(uploadedAt)))
    }
    await delay(3000)
  }
}
