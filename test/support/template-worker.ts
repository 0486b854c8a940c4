import {join} from 'node:path'
import type {pushEnvelope} from './push-envelope.ts'
import {deliver} from './worker-buckets.ts'
import {startWorkerWithBuckets} from './worker-with-buckets.ts'

export const TEMPLATES = join(import.meta.dirname, '../../worker/templates')

/** A worker of a template as a process, without a container: with buckets of its own. */
export async function startTemplate(
  {file, program}: {readonly file: string; readonly program?: string},
  environment: Record<string, string> = {},
) {
  const started = await startWorkerWithBuckets(
    file,
    {PYTHONPATH: join(TEMPLATES, 'python'), PYTHONDONTWRITEBYTECODE: '1', ...environment},
    program,
  )
  const {worker, url} = started
  return {
    ...started,
    outcomes: () => worker.lines.flatMap(({outcome}) => (typeof outcome === 'string' ? [outcome] : [])),
    deliver: (object: string, generation: string, more: Partial<Parameters<typeof pushEnvelope>[0]> = {}) =>
      deliver(url, object, generation, more),
  }
}
