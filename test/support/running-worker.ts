import {Storage, type File} from '@google-cloud/storage'
import {startServer} from '../../worker/runtime/server.ts'
import {createLog} from '../../worker/runtime/log.ts'
import {readSettings} from '../../worker/runtime/settings.ts'
import type {Processor} from '../../worker/processor.ts'
import {FakeStorage} from './fake-storage.ts'
import {pushEnvelope} from './push-envelope.ts'

export type LogLine = Record<string, unknown>

/** A worker in this process, with real HTTP to it and from it, and a storage of its own. Its buckets are `in` and `out`. */
export async function startWorker(processor: Processor, environment: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack()
  const cloud = stack.use(await FakeStorage.start())
  const storage = new Storage({
    apiEndpoint: cloud.origin,
    projectId: 'demo',
    retryOptions: {maxRetries: 1, maxRetryDelay: 0.01},
  })
  const lines: LogLine[] = []
  const settings = readSettings({PORT: '0', INPUT_BUCKET: 'in', OUTPUT_BUCKET: 'out', ...environment})
  const log = createLog((line) => lines.push(JSON.parse(line)))
  const server = await startServer({processor, settings, environment, log, storage: async () => storage})
  stack.defer(() => server.stop(0))

  const input = (name: string): File => storage.bucket('in').file(name)
  const output = (name: string): File => storage.bucket('out').file(name)
  const url = `http://127.0.0.1:${server.port}`
  return {
    cloud,
    storage,
    lines,
    server,
    input,
    output,
    url,
    outcomes: () => lines.map((line) => line['outcome']).filter((outcome) => outcome !== undefined),
    /** Uploads an input; resolves with its generation. */
    async upload(name: string, content: string | Buffer, metadata: Record<string, string> = {}) {
      const file = input(name)
      await file.save(content, {resumable: false, contentType: 'text/plain', metadata: {metadata}})
      return String(file.metadata.generation)
    },
    /** Delivers the notification of an input; resolves with the HTTP status. */
    async deliver(
      object: string,
      generation: string,
      more: Partial<Parameters<typeof pushEnvelope>[0]> = {},
    ): Promise<number> {
      const body = JSON.stringify(pushEnvelope({bucket: 'in', object, generation, ...more}))
      const response = await fetch(url, {method: 'POST', body})
      await response.arrayBuffer()
      return response.status
    },
    async text(file: File): Promise<string | undefined> {
      const [exists] = await file.exists()
      if (!exists) return undefined
      const [bytes] = await file.download()
      return bytes.toString('utf8')
    },
    async metadataOf(file: File): Promise<Record<string, unknown>> {
      const [metadata] = await file.getMetadata()
      return metadata.metadata ?? {}
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
