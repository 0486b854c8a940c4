import {existsSync} from 'node:fs'
import {mkdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

/** Writes the variables that its input names, one in each line. */
const WORKER = `export const processor = {
  name: 'variables',
  async process(input, output, {environment}) {
    let names = ''
    for await (const chunk of await input.open()) names += chunk
    await output.write(names.trim().split('\\n').map((name) => name + '=' + environment[name]).join('\\n'))
  },
}
`

async function folderWith(settings: object): Promise<Cli> {
  const cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('worker/processor.js', WORKER)
  await cli.write('cloud-runner.json', JSON.stringify({worker: './worker', ...settings}))
  return cli
}

interface Endpoint {
  readonly endpoint: string
  readonly project: string
}

/** Google's own client, for what the command line does not do. */
async function storageOf(cli: Cli): Promise<Storage> {
  const {endpoint}: Endpoint = JSON.parse((await cli.run(['local', 'status', '--json'])).stdout)
  return new Storage({apiEndpoint: endpoint, projectId: 'cloud-runner-local'})
}

test('variables reach the worker, of the settings, of a file and of flags; a plan then finds nothing', async () => {
  await using cli = await folderWith({environment: {ONE: 'settings', TWO: 'settings'}, envFile: './.env'})
  await cli.write('.env', 'TWO=file\nTHREE="a file"\n')
  await cli.json(['setup', '--variable', 'FOUR=flag', '--variable', 'FIVE=a=b'])
  await cli.write('names.txt', 'ONE\nTWO\nTHREE\nFOUR\nFIVE\n')
  await cli.json(['upload', 'names.txt', '--wait'])
  const {stdout} = await cli.run(['results', 'names.txt', '--output', '-'])
  expect(stdout).toBe('ONE=settings\nTWO=settings\nTHREE=a file\nFOUR=flag\nFIVE=a=b')
  expect(JSON.parse(await readFile(join(cli.folder, 'cloud-runner.json'), 'utf8'))).toMatchObject({
    environment: {ONE: 'settings', TWO: 'settings', FOUR: 'flag', FIVE: 'a=b'},
    envFile: './.env',
  })
  expect((await cli.run(['plan', '--detailed-exitcode'])).exitCode).toBe(0)
})

test('a filter lets through what it names, and another one takes its place', async () => {
  await using cli = await folderWith({filter: {prefix: 'in/', suffix: '.txt'}})
  await cli.json(['setup'])
  await cli.write('names.txt', 'HOME\n')
  expect((await cli.run(['upload', 'names.txt', '--name', 'in/names.txt', '--wait'])).exitCode).toBe(0)
  const ignored = await cli.run(['upload', 'names.txt', '--name', 'names.txt', '--wait'])
  expect(ignored.stderr).toContain('names.txt will not be processed: the filter is prefix in/, suffix .txt.')
  expect(ignored.exitCode).toBe(3)
  expect(ignored.stdout).toContain('its name does not match the filter')
  const states = async () => {
    const {files}: {files: {object: string; state: string}[]} = JSON.parse(
      (await cli.run(['status', '--json'])).stdout,
    )
    return Object.fromEntries(files.map(({object, state}) => [object, state]))
  }
  expect(await states()).toEqual({'in/names.txt': 'done', 'names.txt': 'ignored'})

  await cli.write('cloud-runner.json', JSON.stringify({worker: './worker', filter: {suffix: '.txt'}}))
  await cli.json(['setup'])
  expect((await cli.run(['plan', '--detailed-exitcode'])).exitCode).toBe(0)
  expect((await cli.run(['upload', 'names.txt', '--name', 'names.txt', '--wait'])).exitCode).toBe(0)
  expect(await states()).toMatchObject({'names.txt': 'done'})
})

test('a processed file moves to the archive, starts nothing there, and comes back; or it is deleted', async () => {
  await using cli = await folderWith({afterwards: 'archive'})
  await cli.json(['setup'])
  await cli.write('names.txt', 'HOME\n')
  expect((await cli.run(['upload', 'names.txt', '--wait'])).exitCode).toBe(0)
  const bucket = (await storageOf(cli)).bucket('cloud-runner-local-cloud-runner-input')
  const names = async () =>
    (await bucket.getFiles())[0].map(({name}) => name).filter((name) => !name.startsWith('_cloud-runner/'))
  await expect.poll(names).toEqual(['archive/names.txt'])
  const [{metadata, contentType}] = await bucket.file('archive/names.txt').getMetadata()
  expect(contentType).toBe('text/plain')
  const list = async () => {
    const {files}: {files: {object: string; generation: string; state: string; input?: string}[]} =
      JSON.parse((await cli.run(['status', '--json'])).stdout)
    return files
  }
  const generation = String(metadata?.['source-generation'])
  expect(await list()).toMatchObject([
    {object: 'names.txt', generation, state: 'done', input: 'archived', sizeBytes: 5},
  ])
  expect((await cli.run(['results', 'names.txt', '--output', '-'])).stdout).toContain('HOME=')
  expect((await cli.run(['status', 'names.txt'])).stdout).toContain('input archived')

  expect((await cli.run(['reprocess', 'names.txt', '--wait'])).exitCode).toBe(0)
  await expect.poll(names).toEqual(['archive/names.txt'])
  expect((await list()).map(({object, state}) => ({object, state}))).toEqual([
    {object: 'names.txt', state: 'done'},
  ])
  expect((await list())[0]?.generation).not.toBe(generation)

  await cli.json(['setup', '--afterwards', 'delete'])
  expect((await cli.run(['plan', '--detailed-exitcode'])).exitCode).toBe(0)
  await cli.write('other.txt', 'HOME\n')
  expect((await cli.run(['upload', 'other.txt', '--wait'])).exitCode).toBe(0)
  await expect.poll(names).toEqual(['archive/names.txt'])
  expect(await list()).toContainEqual(expect.objectContaining({object: 'other.txt', input: 'deleted'}))
  const refused = await cli.run(['reprocess', 'other.txt'])
  expect(refused.exitCode).toBe(1)
  expect(refused.stderr).toContain('deleted from the input bucket after the result')

  await cli.json(['setup', '--afterwards', 'keep'])
  const [policy] = await bucket.iam.getPolicy()
  const roles = policy.bindings.filter(({members}) =>
    JSON.stringify(members).includes('cloud-runner-worker@'),
  )
  expect(roles.map(({role}) => role)).toEqual(['roles/storage.objectViewer'])

  // The archive is the pipeline's own.
  const destroyed = await cli.run(['destroy', '--confirm', 'cloud-runner'])
  expect(destroyed.exitCode).toBe(0)
  expect(destroyed.stdout).toContain('nothing left')
})

test('a job archives the file it processed, in an existing bucket, and destroy leaves the archive', async () => {
  await using cli = await folderWith({
    inputBucket: 'incoming',
    outputBucket: 'results',
    afterwards: 'archive',
    jobThreshold: '1Ki',
  })
  expect((await cli.run(['setup'])).exitCode).toBe(1)
  const storage = await storageOf(cli)
  await storage.createBucket('incoming')
  await storage.createBucket('results')
  await cli.json(['setup'])
  await cli.write('names.txt', 'HOME\n'.repeat(400))
  expect((await cli.run(['upload', 'names.txt', '--wait'])).exitCode).toBe(0)
  const input = storage.bucket('incoming')
  const names = async () => (await input.getFiles())[0].map(({name}) => name)
  await expect.poll(names).toEqual(['archive/names.txt'])
  expect(await storage.bucket('results').file('_cloud-runner/names.txt/job.json').exists()).toEqual([true])
  expect((await cli.run(['status', 'names.txt'])).stdout).toContain('input archived')

  await cli.json(['setup', '--pipeline', 'other'])
  await cli.run(['destroy', '--confirm', 'cloud-runner'])
  expect(await names()).toEqual(['archive/names.txt'])
  const [policy] = await input.iam.getPolicy()
  expect(JSON.stringify(policy)).not.toContain('cloud-runner-worker@')
})

test('existing buckets keep what is in them, their settings and the notifications of others', async () => {
  await using cli = await folderWith({inputBucket: 'incoming', outputBucket: 'results'})
  const {exitCode, stderr} = await cli.run(['setup'])
  expect(exitCode).toBe(1)
  expect(stderr).toContain('There is no bucket incoming, which the setting inputBucket names.')
  expect(stderr).toContain('gcloud storage buckets create gs://incoming')

  const storage = await storageOf(cli)
  await storage.createBucket('incoming', {labels: {owner: 'someone'}})
  await storage.createBucket('results')
  await storage.bucket('incoming').file('old.txt').save('HOME')
  await cli.json(['setup'])
  await cli.write('names.txt', 'HOME\n')
  expect((await cli.run(['upload', 'names.txt', '--wait'])).exitCode).toBe(0)
  const planned = await cli.run(['plan'], {environment: {CLOUD_RUNNER_FILTER: 'suffix=.csv'}})
  expect(`${planned.stdout}${planned.stderr}`).toContain(
    'The filter (suffix .csv) matches no object in bucket incoming, not even names.txt.',
  )
  // A second pipeline keeps the local cloud alive when the first one is gone.
  await cli.json(['setup', '--pipeline', 'other'])
  await cli.run(['destroy', '--confirm', 'cloud-runner'])

  const input = storage.bucket('incoming')
  const [notifications] = await input.getNotifications()
  expect(notifications.map(({metadata}) => metadata?.topic)).toEqual([
    '//pubsub.googleapis.com/projects/cloud-runner-local/topics/other-uploads',
  ])
  const [policy] = await input.iam.getPolicy()
  expect(JSON.stringify(policy)).not.toContain('cloud-runner-worker@')
  expect((await input.getFiles())[0].map(({name}) => name)).toEqual(['names.txt', 'old.txt'])
  expect((await input.getMetadata())[0].labels).toEqual({owner: 'someone'})
  expect((await storage.bucket('results').getFiles())[0].map(({name}) => name)).toContain('names.txt')
})

test.each([
  [{environment: {PORT: '1'}}, 'environment sets PORT'],
  [{environment: {'A B': '1'}}, 'it must be texts by variable name'],
  [{secrets: {PORT: 'port'}}, 'secrets sets PORT'],
  [{secrets: {KEY: 'key:'}}, 'it must be SECRET or SECRET:VERSION by variable name'],
  [{secrets: {KEY: 'key'}, environment: {KEY: 'x'}}, 'KEY is in secrets and in environment'],
  [{versioning: 'often'}, '"versioning": false'],
  [{environment: {LANG: 1}}, '"environment": {"LANG":"en"}'],
  [{outputBucket: 'cloud-runner-local-cloud-runner-input'}, 'would be processed again'],
  [{labels: {Team: 'x'}}, 'it must be texts by label key'],
  [{labels: {'cloud-runner': 'x'}}, 'labels sets cloud-runner'],
  [{filter: {infix: 'x'}}, 'it must be prefix, suffix or both'],
  [{inputBucket: 'one', outputBucket: 'one'}, 'are both one'],
  [{afterwards: 'archive', filter: {prefix: 'archive/'}}, 'processes only files under archive/'],
  [{afterwards: 'burn'}, 'keep, archive or delete'],
  [{retentionDays: 3, versioning: false}, 'needs versioning'],
  [{noncurrentDays: -1}, 'it must be 0, or a whole number from 1 to 36500'],
  [{alerts: {webhook: 'http://example.com'}}, 'it must be email, webhook (https)'],
  [{alerts: {email: 'ops'}}, 'it must be email, webhook (https)'],
  [{noResultMinutes: 60}, 'needs alerts'],
  [{softDeleteDays: 3}, 'it must be 0, or a whole number from 7 to 90'],
  [{egress: 'all-traffic'}, 'needs network or subnetwork'],
  [{envFile: './missing.env'}, 'missing.env (envFile'],
  [{minInstances: 3, maxInstances: 2}, 'minInstances (3, '],
])('%j is refused before anything is made', async (settings, words) => {
  await using cli = await folderWith(settings)
  const {exitCode, stderr} = await cli.run(['setup'])
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain(words)
  expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
})
