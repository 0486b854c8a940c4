import {execFileSync} from 'node:child_process'
import {existsSync, realpathSync} from 'node:fs'
import {join} from 'node:path'
import {type PeerServer, startPeerServer} from './peer-server.ts'
import {missing} from './tool.ts'

const PROGRAM = findProgram()

/** Why Google's Pub/Sub emulator cannot run here, for a test's title; `undefined` where it can. */
export const NO_EMULATOR =
  missing('java') ?? (PROGRAM === undefined ? ' (skipped: no Pub/Sub emulator in the Cloud SDK)' : undefined)

function findProgram(): string | undefined {
  if (missing('gcloud') !== undefined) return undefined
  const gcloud = execFileSync('sh', ['-c', 'command -v gcloud'], {encoding: 'utf8'}).trim()
  const program = join(realpathSync(gcloud), '../../platform/pubsub-emulator/bin/cloud-pubsub-emulator')
  return existsSync(program) ? program : undefined
}

/** Starts Google's emulator, which keeps everything in memory. */
export function startPubsubEmulator(): Promise<PeerServer> {
  return startPeerServer([PROGRAM ?? '', '--host=127.0.0.1', '--port=$PORT'], 'Server started, listening on')
}
