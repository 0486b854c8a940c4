import {Logging as LoggingClient} from '@google-cloud/logging'
import {credentials} from '@grpc/grpc-js'
import {onTestFinished} from 'vitest'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import type {AccessControl} from '../../../src/local-cloud/iam/access.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {createLogging, type Logging, loggingSchema} from '../../../src/local-cloud/logging/index.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import type {Principal} from '../../../src/local-cloud/wire/call.ts'
import type {Clock} from '../../../src/local-cloud/wire/clock.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

export interface LocalLogging {
  readonly logging: Logging
  readonly access: AccessControl
  /** Serves the API to somebody. */
  readonly listen: (principal?: Principal) => Promise<{origin: string; client: LoggingClient}>
  /** Ends it as a stop of the local cloud does. */
  readonly stop: () => Promise<void>
}

/** Cloud Logging over a state folder, for Google's client; ends with the test. */
export async function startLogging({clock, folder}: {clock: Clock; folder?: string}): Promise<LocalLogging> {
  const state = await openState({
    folder: folder ?? (await temporaryFolder()),
    schemas: [iamSchema, loggingSchema],
  })
  const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
  const logging = createLogging({state, clock, access})
  const server = createServerOf({
    routes: [],
    services: logging.services,
    report: (error) => {
      throw error
    },
  })
  const stack = new AsyncDisposableStack()
  stack.use(state)
  stack.use(logging)
  onTestFinished(() => stack.disposeAsync())
  return {
    logging,
    access,
    async listen(principal = 'owner') {
      const listener = await server.listen(0, () => principal)
      stack.defer(() => listener.close())
      // `sslCreds` reaches the gRPC client, though the options' types do not have it.
      const options = {
        projectId: 'p',
        apiEndpoint: '127.0.0.1',
        port: listener.port,
        sslCreds: credentials.createInsecure(),
      }
      const client = new LoggingClient(options)
      stack.defer(() => client.loggingService.close())
      return {origin: listener.origin, client}
    },
    stop: () => stack.disposeAsync(),
  }
}
