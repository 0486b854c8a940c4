import {join} from 'node:path'
import {expect, it} from 'vitest'
import {startPushEndpoint} from '../support/push-endpoint.ts'
import {missing, startTools} from '../support/tool.ts'

const SCRIPTS = join(import.meta.dirname, '../fixtures/clients')
const REASON = missing('gcloud', 'bash')
const MINUTES = {timeout: 300_000}

it.skipIf(REASON !== undefined)(
  `gcloud storage: copies in parts, lists, moves, synchronizes, removes${REASON ?? ''}`,
  MINUTES,
  async () => {
    const {run} = await startTools()
    expect(await run(['bash', join(SCRIPTS, 'gcloud-storage.sh')], {BUCKET: 'gcloud-storage-test'})).toMatch(
      /gcloud storage: done\n$/,
    )
  },
)

it.skipIf(REASON !== undefined)(
  `gcloud pubsub and logging: a notification's whole way, publish, pull, push, changes${REASON ?? ''}`,
  MINUTES,
  async () => {
    const {run} = await startTools()
    const endpoint = await startPushEndpoint((pushed) => pushed.answer(204))
    const environment = {BUCKET: 'gcloud-pubsub-test', PUSH: endpoint.url}
    expect(await run(['bash', join(SCRIPTS, 'gcloud-pubsub.sh')], environment)).toMatch(
      /gcloud pubsub: done\n$/,
    )
    expect(endpoint.seen.map(({json}) => json.message.attributes?.['eventType'])).toEqual([
      'OBJECT_FINALIZE',
      'OTHER',
    ])
  },
)

it.skipIf(REASON !== undefined)(
  `gcloud run: deploy, update, traffic, revisions, policies, delete${REASON ?? ''}`,
  MINUTES,
  async () => {
    const {run, pushServer} = await startTools()
    const server = (version: string): string =>
      `require('node:http').createServer((request, response) => response.end(\`${version} \${process.env.A}\\n\`)).listen(process.env.PORT)`
    const image = await pushServer(server('first'))
    const next = await pushServer(server('next'))
    const environment = {IMAGE: image, NEXT_IMAGE: next}
    expect(await run(['bash', join(SCRIPTS, 'gcloud-run.sh')], environment)).toMatch(/gcloud run: done\n$/)
  },
)

it.skipIf(REASON !== undefined)(
  `gcloud secrets: versions, aliases, policies, a variable of a service, delete${REASON ?? ''}`,
  MINUTES,
  async () => {
    const {run, pushServer} = await startTools()
    const image = await pushServer(
      `require('node:http').createServer((request, response) => response.end(\`version \${process.env.A}\\n\`)).listen(process.env.PORT)`,
    )
    expect(await run(['bash', join(SCRIPTS, 'gcloud-secrets.sh')], {IMAGE: image})).toMatch(
      /gcloud secrets: done\n$/,
    )
  },
)
