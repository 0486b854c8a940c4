import {createProcessRuntime, RUNTIME_ANNOTATION} from '../../../src/local-cloud/instances/process-runtime.ts'
import {DEFAULT_STARTUP_PROBE, waitUntilReady} from '../../../src/local-cloud/instances/startup.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'

// A process that holds one instance, for the test that kills it: `host.ts FOLDER RUNTIME`, with the image unpacked there.
const [folder = '', kind = ''] = process.argv.slice(2)
const runtime = createProcessRuntime({
  folder,
  images: {
    openBlob() {
      throw new Error('The image is unpacked already.')
    },
  },
  clock: systemClock,
})
const instance = await runtime.start({
  image: {
    digest: 'sha256:image',
    annotations: {[RUNTIME_ANNOTATION]: kind},
    config: {entrypoint: ['node', '/main.js'], cmd: [], env: [], workingDir: '/', user: ''},
    layers: [],
  },
  command: [],
  args: [],
  workingDir: undefined,
  env: {},
  limits: {cpus: 1, memoryBytes: 0},
  listens: true,
  reach: {headers: {}, ports: new Map()},
  output: () => undefined,
})
await waitUntilReady(instance, DEFAULT_STARTUP_PROBE, systemClock)
process.stdout.write(`${instance.pid}\n`)
