import {startBuckets} from './worker-buckets.ts'
import {startWorkerProcess} from './worker-process.ts'

/**
 * A worker as a process, without a container, with buckets of its own and a port that it chose.
 * @param environment may override what it needs; with `AFTERWARDS` it may also change its inputs
 */
export async function startWorkerWithBuckets(
  file: string,
  environment: Record<string, string> = {},
  program?: string | readonly string[],
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
      ...environment,
    },
    program,
  )
  const {port} = await worker.line((line) => line['port'] !== undefined)
  return {
    ...buckets,
    worker,
    url: `http://127.0.0.1:${String(port)}`,
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  }
}
