import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {bundleWorker} from '../../src/image/bundle.ts'
import {compare, timeServer} from './measure.ts'

const BARE_SERVER =
  "require('node:http').createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1')"

/** How long an instance of the packaged worker takes to its first answer, against the barest HTTP server. */
export async function benchWorkerStart(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  try {
    const files = await bundleWorker({folder: undefined})
    for (const {path, content} of files) await writeFile(join(folder, basename(path)), content)
    const environment = {INPUT_BUCKET: 'in', OUTPUT_BUCKET: 'out', METADATA_SERVER_DETECTION: 'none'}
    await compare('Start of a worker to its first 200', 15, {
      'the packaged worker': () => timeServer([join(folder, 'worker.cjs')], '/healthz', environment),
      'a bare node:http server': () => timeServer(['-e', BARE_SERVER], '/', {}),
    })
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
