import {readFile} from 'node:fs/promises'
import {enableCompileCache, flushCompileCache} from 'node:module'
import {parseArgs} from 'node:util'
import {setFlagsFromString} from 'node:v8'
import {releaseMemory} from './idle-memory.ts'
import type {FaultRule, IamMode, LocalCloud} from './index.ts'
import {isJsonObject} from './wire/json.ts'

/**
 * The local cloud as its own process: `main.js --state FOLDER [--port PORT] [--faults FILE] [--projects ID,ID] [--iam MODE]
 * [--bind ADDRESS:PORT]`, the last with a token in `LOCAL_CLOUD_TOKEN`.
 * With `--projects`, other projects exist only once they are created.
 *
 * Over the IPC channel it sends `{ready: {pid, endpoint, startedAt}}` or `{failed: {code, message, suggestions}}`.
 * SIGTERM, SIGINT and `POST /_local-cloud/stop` shut it down cleanly; it logs to stderr.
 */
const {values} = parseArgs({
  options: {
    state: {type: 'string'},
    port: {type: 'string'},
    faults: {type: 'string'},
    projects: {type: 'string'},
    iam: {type: 'string'},
    bind: {type: 'string'},
  },
})

let starting: Promise<LocalCloud> | undefined
let stopping: Promise<void> | undefined

const send = (message: object): void => {
  if (process.connected) process.send?.(message)
}
const report = (error: unknown): void => {
  process.stderr.write(
    `${new Date().toISOString()} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
}
const stop = (): void => {
  stopping ??= (async () => {
    // A failed start reports itself.
    const cloud = await starting?.catch(() => undefined)
    await cloud?.[Symbol.asyncDispose]()
    process.exitCode = 0
  })()
    .catch((error: unknown) => {
      report(error)
      process.exitCode = 1
    })
    .finally(() => {
      if (process.connected) process.disconnect()
    })
}

// A log line that a full disk rejects must not end the process.
process.stderr.on('error', () => {})
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
// The process that started it may exit long before it does.
process.on('SIGHUP', () => {})

// Threads spend more on agreeing who collects what of a young generation than one takes to collect it.
setFlagsFromString('--no-parallel-scavenge')
releaseMemory()

// Starting is mostly compiling, so enable the compile cache before loading the rest.
enableCompileCache()
const {
  LocalCloud: Cloud,
  LocalCloudError,
  IAM_MODES,
  parseBoundAddress,
  parseFaults,
} = await import('./index.ts')

async function main(): Promise<void> {
  if (values.state === undefined) throw new LocalCloudError('usage', 'main: --state FOLDER is missing.')
  const faults = values.faults === undefined ? [] : await readFaults(values.faults)
  if (stopping) return
  starting = Cloud.start({
    stateFolder: values.state,
    ...(values.port === undefined ? {} : {port: Number(values.port)}),
    ...(values.projects === undefined ? {} : {projects: values.projects.split(',')}),
    ...(values.iam === undefined ? {} : {iam: parseIamMode(values.iam)}),
    ...(values.bind === undefined
      ? {}
      : {bind: parseBoundAddress(values.bind, process.env['LOCAL_CLOUD_TOKEN'])}),
    faults,
    report,
    onStopRequest: stop,
  })
  const {pid, endpoint, startedAt} = (await starting).status()
  send({ready: {pid, endpoint, startedAt}})
  report(`ready at ${endpoint}, state in ${values.state}`)
  flushCompileCache()
}

/** @throws LocalCloudError `usage` */
function parseIamMode(text: string): IamMode {
  const mode = IAM_MODES.find((each) => each === text)
  if (mode === undefined)
    throw new LocalCloudError('usage', `main: --iam ${text}: it must be one of ${IAM_MODES.join(', ')}.`)
  return mode
}

/** @throws LocalCloudError `usage` if the file is not a fault plan */
async function readFaults(file: string): Promise<FaultRule[]> {
  try {
    const plan: unknown = JSON.parse(await readFile(file, 'utf8'))
    return parseFaults(isJsonObject(plan) ? plan : {})
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new LocalCloudError('usage', `main: --faults ${file}: ${reason}`, [], error)
  }
}

main().catch((error: unknown) => {
  report(error)
  process.exitCode = 1
  const known = error instanceof LocalCloudError
  send({
    failed: {
      code: known ? error.code : 'local-cloud-broken',
      message: error instanceof Error ? error.message : String(error),
      suggestions: known ? error.suggestions : [],
    },
  })
  if (process.connected) process.disconnect()
})
