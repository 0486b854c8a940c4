import {NO_METRICS} from './no-metrics.ts'
import {argv, stdout} from 'node:process'
import {createAccess} from '../../src/local-cloud/iam/access-control.ts'
import {createIdTokens} from '../../src/local-cloud/iam/id-tokens.ts'
import {iamSchema} from '../../src/local-cloud/iam/schema.ts'
import {createServiceAgents} from '../../src/local-cloud/iam/service-agents.ts'
import {createPubsub, pubsubSchema} from '../../src/local-cloud/pubsub/index.ts'
import {openState} from '../../src/local-cloud/state/open.ts'
import {systemClock as clock} from '../../src/local-cloud/wire/clock.ts'
import {createServerOf} from '../../src/local-cloud/wire/server.ts'

/** Pub/Sub as a process that can be killed: the state folder is its argument, its origin the first line it prints. */
const state = await openState({folder: argv[2] ?? '', schemas: [iamSchema, pubsubSchema]})
const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
const tokens = await createIdTokens({state, clock})
const pubsub = createPubsub({
  metrics: NO_METRICS,
  state,
  clock,
  access,
  agents: createServiceAgents(),
  tokens,
})
const server = createServerOf({
  routes: pubsub.routes,
  services: pubsub.services,
  report: (error) => {
    throw error
  },
})
const {origin} = await server.listen(0, () => 'owner')
pubsub.start()
stdout.write(`${origin}\n`)
