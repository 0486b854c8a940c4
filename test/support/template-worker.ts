import {join} from 'node:path'
import type {pushEnvelope} from './push-envelope.ts'
import {deliver, startBuckets} from './worker-buckets.ts'
import {startWorkerProcess} from './worker-process.ts'

export const TEMPLATES = join(import.meta.dirname, '../../worker/templates')

/** A worker of a template as a process, without a container: with buckets of its own. */
export async function startTemplate(
  {file, program}: {readonly file: string; readonly program?: string},
  environment: Record<string, string> = {},
) {
  const buckets = await startBuckets(
    'AFTERWARDS' in environment ? 'roles/storage.objectUser' : 'roles/storage.objectViewer',
  )
  const worker = startWorkerProcess(
    file,
    {
      PORT: '0',
      INPUT_BUCKET: 'input',
      OUTPUT_BUCKET: 'output',
      STORAGE_EMULATOR_HOST: buckets.proxy.origin,
      PYTHONPATH: join(TEMPLATES, 'python'),
      PYTHONDONTWRITEBYTECODE: '1',
      ...environment,
    },
    program,
  )
  const {port} = await worker.line((line) => line['port'] !== undefined)
  const url = `http://127.0.0.1:${String(port)}`
  return {
    ...buckets,
    worker,
    url,
    outcomes: () => worker.lines.flatMap(({outcome}) => (typeof outcome === 'string' ? [outcome] : [])),
    deliver: (object: string, generation: string, more: Partial<Parameters<typeof pushEnvelope>[0]> = {}) =>
      deliver(url, object, generation, more),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  }
}
