import type {Processor} from '../../worker/processor.ts'
import {createLog} from '../../worker/runtime/log.ts'
import {createPace} from '../../worker/runtime/pace.ts'
import {startServer} from '../../worker/runtime/server.ts'
import {readSettings} from '../../worker/runtime/settings.ts'
import {openStorage, type Patience} from '../../worker/runtime/storage/index.ts'
import {pushEnvelope} from './push-envelope.ts'
import {deliver, startBuckets} from './worker-buckets.ts'

/**
 * A worker in this process, with real HTTP to it and from it.
 * @param shared buckets of another worker; the default is buckets of its own
 * @param patience the default is to try each request once
 */
export async function startWorker(
  processor: Processor,
  environment: Record<string, string> = {},
  shared?: Awaited<ReturnType<typeof startBuckets>>,
  patience: Patience = {mostRetries: 0},
) {
  const buckets = shared ?? (await startBuckets())
  const storage = openStorage({STORAGE_EMULATOR_HOST: buckets.proxy.origin}, patience)
  const lines: Record<string, unknown>[] = []
  const log = createLog((line) => lines.push(JSON.parse(line)))
  const settings = readSettings({
    PORT: '0',
    INPUT_BUCKET: 'input',
    OUTPUT_BUCKET: 'output',
    ...environment,
  })
  const server = await startServer({
    processor,
    settings,
    environment,
    log,
    pace: createPace(),
    // The watchdog would end this very process.
    watch: (_, work) => work(),
    storage,
  })
  const url = `http://127.0.0.1:${server.port}`
  return {
    ...buckets,
    url,
    lines,
    outcomes: () => lines.map((line) => line['outcome']).filter((outcome) => outcome !== undefined),
    deliver: (object: string, generation: string, more: Partial<Parameters<typeof pushEnvelope>[0]> = {}) =>
      deliver(url, object, generation, more),
    [Symbol.asyncDispose]: () => server.stop(0),
  }
}
