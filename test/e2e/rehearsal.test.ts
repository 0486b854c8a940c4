import {once} from 'node:events'
import {mkdir} from 'node:fs/promises'
import {createServer} from 'node:http'
import {join} from 'node:path'
import {json} from 'node:stream/consumers'
import {Storage} from '@google-cloud/storage'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {takeInventory} from '../support/cloud-inventory.ts'
import {NO_PROVIDER, providerConfig, unless} from '../support/terraform.ts'

// Two pipelines in two environments with the settings that companies use, rehearsed with the real Terraform, in the
// order of the tests; each setting is proved by what the pipeline does.
const LONG = 600_000
const PROJECT = 'cloud-runner-local'
const OTHER_PROJECT = 'company-files'
const KEY = `projects/${PROJECT}/locations/europe-west3/keyRings/data/cryptoKeys/files`
const PIPELINES = ['invoices-staging', 'invoices-production', 'images-staging', 'images-production']

/** Writes what it was given; a file named `crash` ends the instance, one named `slow` never ends. */
const WORKER = `export const processor = {
  name: 'variables',
  async process(input, output, {environment}) {
    if (input.object.includes('crash')) process.exit(1)
    if (input.object.includes('slow')) await new Promise((resolve) => setTimeout(resolve, 600_000))
    await output.write([environment.STAGE, environment.REGION, environment.API_KEY].join())
  },
}
`

const settings = (webhook: string) => ({
  worker: './worker',
  envFile: './.env',
  environment: {STAGE: 'shared'},
  labels: {team: 'risk'},
  network: 'default',
  subnetwork: 'default',
  egress: 'all-traffic',
  kmsKey: KEY,
  budget: 50,
  minimumBackoff: '0s',
  maximumBackoff: '0s',
  environments: {
    staging: {filter: {prefix: 'staging/'}},
    production: {
      filter: {prefix: 'live/'},
      protected: true,
      pipelines: {invoices: {inputBucket: 'incoming'}},
    },
  },
  pipelines: {
    invoices: {
      afterwards: 'archive',
      secrets: {API_KEY: 'invoices-key'},
      alerts: {webhook},
    },
    images: {labels: {team: 'media'}, minInstances: 1, jobThreshold: '1Ki', jobTimeout: '1s'},
  },
})

const chosen = (name: string): string[] => {
  const [pipeline = '', env = ''] = name.split('-')
  return ['--pipeline', pipeline, '--env', env]
}

describe.skipIf(NO_PROVIDER !== undefined)(`a company's folder${unless(NO_PROVIDER)}`, () => {
  let cli: Cli
  let endpoint: string
  let storage: Storage
  let provider: string
  let before: unknown
  const notified: {readonly state: string; readonly condition: string}[] = []
  const webhook = createServer((request, response) => {
    const take = async () => {
      const {incident} = Object(await json(request))
      notified.push({state: String(incident.state), condition: String(incident.condition_name)})
      response.end()
    }
    void take()
  })

  const get = async (path: string): Promise<Record<string, unknown>> =>
    parseObject(await (await fetch(`${endpoint}${path}`)).text())
  const inventory = (project: string) => takeInventory(endpoint, {project, region: 'europe-west3'})
  const resource = (path: string) => get(`/v2/projects/${PROJECT}/locations/europe-west3/${path}`)

  beforeAll(async () => {
    cli = await Cli.create()
    webhook.listen(0, '127.0.0.1')
    await once(webhook, 'listening')
    const address = webhook.address()
    const port = typeof address === 'object' ? address?.port : undefined
    provider = providerConfig(cli.folder)
    await mkdir(join(cli.folder, 'worker'))
    await mkdir(join(cli.folder, '.cloud-runner'))
    await cli.write('worker/processor.js', WORKER)
    await cli.write('.env', 'STAGE=file\nREGION="from a file"\n')
    await cli.write('.cloud-runner/secrets.env', 'API_KEY=sesame\n')
    await cli.write('small.txt', 'x')
    await cli.write('large.txt', 'x'.repeat(2048))
    await cli.write('cloud-runner.json', JSON.stringify(settings(`http://127.0.0.1:${port}/alerts`)))
    endpoint = String((await cli.json(['local', 'start']))['endpoint'])
    storage = new Storage({apiEndpoint: endpoint, projectId: OTHER_PROJECT})
    await storage.createBucket('incoming', {labels: {owner: 'accounting'}})
    await storage.bucket('incoming').file('old.txt').save('old')
    before = await inventory(OTHER_PROJECT)
  }, LONG)

  afterAll(async () => {
    webhook.close()
    await cli[Symbol.asyncDispose]()
  }, LONG)

  test.each(PIPELINES)(
    '%s is rehearsed; a second plan finds nothing to change',
    async (name) => {
      const environment = {TF_CLI_CONFIG_FILE: provider}
      const said = await cli.text(['setup', '--rehearse', '--yes', ...chosen(name), '--confirm', name], {
        environment,
      })
      expect(said).toContain(
        'without effect on the local target: budget, network, subnetwork, egress, kmsKey',
      )
      expect(said).toContain('Nothing to change')
    },
    LONG,
  )

  test(
    'the worker gets variables and the secret; the filter chooses the environment; the input moves to the archive',
    async () => {
      for (const [env, prefix, bucket] of [
        ['staging', 'staging/', `${PROJECT}-invoices-staging-input`],
        ['production', 'live/', 'incoming'],
      ] as const) {
        const flags = chosen(`invoices-${env}`)
        const object = `${prefix}small.txt`
        await cli.text(['upload', 'small.txt', '--name', object, '--wait', ...flags])
        expect(await cli.text(['results', object, '--output', '-', ...flags])).toBe(
          'shared,from a file,sesame',
        )
        const names = async () => {
          const [files] = await storage.bucket(bucket).getFiles()
          return files.map(({name}) => name)
        }
        const others = env === 'production' ? ['old.txt'] : []
        await expect.poll(names).toEqual([`archive/${object}`, ...others])
      }
      const {files} = await cli.json(['status', ...chosen('invoices-production')])
      expect(files).toMatchObject([
        {object: 'live/small.txt', state: 'done', input: 'archived'},
        {object: 'old.txt', state: 'ignored'},
      ])
    },
    LONG,
  )

  test(
    'labels are on every resource; the network and the key are stored',
    async () => {
      const service = await resource('services/images-staging')
      const labels = {team: 'media', 'cloud-runner': 'images-staging'}
      expect(service).toMatchObject({
        labels,
        template: {
          labels,
          vpcAccess: {
            egress: 'ALL_TRAFFIC',
            networkInterfaces: [{network: 'default', subnetwork: 'default'}],
          },
          encryptionKey: KEY,
        },
      })
      expect(await resource('jobs/images-staging-job')).toMatchObject({labels})
      expect(await get(`/v1/projects/${PROJECT}/topics/images-staging-uploads`)).toMatchObject({labels})
      expect(await get(`/v1/projects/${PROJECT}/subscriptions/images-staging-push`)).toMatchObject({labels})
      expect(await get(`/storage/v1/b/${PROJECT}-images-staging-input`)).toMatchObject({
        labels,
        encryption: {defaultKmsKeyName: KEY},
      })
      expect(await resource('services/invoices-staging')).toMatchObject({labels: {team: 'risk'}})
    },
    LONG,
  )

  test(
    'an instance is ready before any file; a job ends at its time limit',
    async () => {
      const flags = chosen('images-staging')
      const {instances} = await cli.json(['local', 'status'])
      expect(JSON.stringify(instances)).toContain('images-staging-0')
      await cli.text(['upload', 'large.txt', '--name', 'staging/slow.txt', ...flags])
      await expect
        .poll(() => resource('jobs/images-staging-job/executions'))
        .toMatchObject({
          executions: [
            {
              failedCount: 1,
              template: {timeout: '1s'},
              conditions: expect.arrayContaining([expect.objectContaining({state: 'CONDITION_FAILED'})]),
            },
          ],
        })
    },
    LONG,
  )

  test(
    'a dead letter fires the webhook',
    async () => {
      const flags = chosen('invoices-staging')
      const {exitCode} = await cli.run([
        'upload',
        'small.txt',
        '--name',
        'staging/crash.txt',
        '--wait',
        '--timeout',
        '100s',
        ...flags,
      ])
      expect(exitCode).toBe(3)
      await expect
        .poll(() => notified)
        .toContainEqual({state: 'open', condition: 'invoices-staging: dead letters'})
    },
    LONG,
  )

  test(
    'destroyed, only what was there before is left',
    async () => {
      for (const name of PIPELINES) await cli.text(['destroy', ...chosen(name), '--confirm', name])
      const [own, other] = await Promise.all([PROJECT, OTHER_PROJECT].map(inventory))
      // The local cloud's copy of the secret goes with the local cloud.
      expect(Object.keys(own?.resources ?? {})).toEqual(['secret invoices-key'])
      expect(own?.grants).toEqual([])
      expect(other).toEqual(before)
      const input = storage.bucket('incoming')
      expect((await input.getNotifications())[0]).toEqual([])
      expect((await input.getFiles())[0].map(({name}) => name)).toEqual(['archive/live/small.txt', 'old.txt'])
    },
    LONG,
  )
})
