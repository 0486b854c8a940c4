import {type PeerServer, startPeerServer} from './peer-server.ts'
import {missing} from './tool.ts'

/** The program, by its path or by a name in PATH; `go install github.com/fsouza/fake-gcs-server@latest` makes it. */
const PROGRAM = process.env['FAKE_GCS_SERVER'] ?? 'fake-gcs-server'

/** Why fake-gcs-server cannot run here, for a test's title; `undefined` where it can. */
export const NO_FAKE_GCS_SERVER =
  missing(PROGRAM) === undefined
    ? undefined
    : ' (skipped: no fake-gcs-server; FAKE_GCS_SERVER may name the program)'

/**
 * Starts fake-gcs-server.
 * @param root folder of its objects; without one they are in memory
 * @param pubsub origin of the Pub/Sub server that it publishes notifications to
 */
export function startFakeGcsServer({
  root,
  pubsub,
}: {root?: string; pubsub?: string} = {}): Promise<PeerServer> {
  return startPeerServer(
    [
      PROGRAM,
      '-scheme',
      'http',
      '-host',
      '127.0.0.1',
      '-port',
      '$PORT',
      '-public-host',
      '127.0.0.1:$PORT',
      ...(root === undefined ? ['-backend', 'memory'] : ['-backend', 'filesystem', '-filesystem-root', root]),
    ],
    'server started at',
    pubsub === undefined ? {} : {PUBSUB_EMULATOR_HOST: new URL(pubsub).host},
  )
}
