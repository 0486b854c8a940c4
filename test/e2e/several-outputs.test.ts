import {readdir, readFile, mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'
import {addFault} from '../support/fault-plan.ts'

/**
 * Writes `NAME.json` and `NAME.txt` for `NAME.pdf`, with what the object's metadata says. The first attempt at a file
 * with the metadata `crash` ends its process as soon as one of the outputs can be seen.
 */
const WORKER = `import {PermanentError} from 'cloud-runner/worker'

const {STORAGE_EMULATOR_HOST, OUTPUT_BUCKET} = process.env

async function crashBetween(names) {
  for (;;) {
    for (const name of names) {
      const found = await fetch(STORAGE_EMULATOR_HOST + '/storage/v1/b/' + OUTPUT_BUCKET + '/o/' + name)
      if (found.ok) process.kill(process.pid, 'SIGKILL')
    }
  }
}

export const processor = {
  name: 'invoices',
  async process(input, output, {log}) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    if (text.startsWith('bad')) throw new PermanentError('Not an invoice.', {code: 'not-an-invoice'})
    const stem = input.object.replace(/\\.pdf$/, '')
    const names = [stem + '.json', 'texts/' + stem + '.txt']
    if (input.metadata.crash !== undefined) {
      const pending = await fetch(
        STORAGE_EMULATOR_HOST + '/storage/v1/b/' + OUTPUT_BUCKET + '/o/' +
          encodeURIComponent('_cloud-runner/' + input.object + '/outputs.json'))
      if (pending.status === 404) void crashBetween(names.map(encodeURIComponent))
    }
    await output.file(names[0], {contentType: 'application/json'})
      .write(JSON.stringify({text, owner: input.metadata.owner ?? null}))
    await output.file(names[1], {contentType: 'text/plain'}).write(text)
    log('INFO', 'filed')
  },
}
`

async function start(settings: object) {
  const cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('worker/processor.js', WORKER)
  await cli.write('cloud-runner.json', JSON.stringify({worker: './worker', ...settings}))
  await cli.json(['setup'])
  const {endpoint}: {endpoint: string} = JSON.parse((await cli.run(['local', 'status', '--json'])).stdout)
  const storage = new Storage({apiEndpoint: endpoint, projectId: 'cloud-runner-local'})
  const bucketOf = (role: string) => storage.bucket(`cloud-runner-local-cloud-runner-${role}`)
  const names = async () =>
    (await bucketOf('output').getFiles())[0]
      .map(({name}) => name)
      .filter((name) => !name.startsWith('_cloud-runner/'))
  return {cli, endpoint, input: bucketOf('input'), names}
}

interface Listed {
  readonly object: string
  readonly state: string
  readonly attempts: number
  readonly input?: string
  readonly result?: {readonly outputs?: number; readonly sizeBytes: number}
}

const statusOf = async (cli: Cli, ...words: string[]): Promise<Listed[]> =>
  JSON.parse((await cli.run(['status', ...words, '--json'])).stdout).files

test('a file of two outputs is one file: after a crash between them, a duplicate, a second run, to the end', async () => {
  const {cli, endpoint, input, names} = await start({minimumBackoff: '0s', maximumBackoff: '1s'})
  await using _ = cli
  const writes = {method: 'POST', path: '/upload/storage/v1/b/cloud-runner-local-cloud-runner-output/o'}
  // The list of what will be written, and the first output, but not the second.
  await addFault(endpoint, {on: writes, delayMs: 0, times: 2})
  await addFault(endpoint, {on: writes, hang: true})
  await input.file('invoice.pdf').save('seven apples', {metadata: {metadata: {owner: 'me', crash: 'yes'}}})
  await expect
    .poll(() => statusOf(cli, 'invoice.pdf'), {timeout: 30_000})
    .toMatchObject([{state: 'done', attempts: 2, result: {outputs: 2, sizeBytes: 48}}])
  expect(await names()).toEqual(['invoice.json', 'texts/invoice.txt'])
  expect(await statusOf(cli)).toMatchObject([{object: 'invoice.pdf', state: 'done', result: {outputs: 2}}])
  expect((await cli.run(['status'])).stdout).toContain('2 outputs')

  const shown = await cli.run(['results', 'invoice.pdf'])
  expect(shown.stdout).toContain('output/texts/invoice.txt  text/plain  12 B')
  const refused = await cli.run(['results', 'invoice.pdf', '--output', '-'])
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain('invoice.pdf has 2 outputs: invoice.json, texts/invoice.txt.')
  const saved = JSON.parse((await cli.run(['results', 'invoice.pdf', '--output', 'out/', '--json'])).stdout)
  expect(saved.outputs).toMatchObject([
    {name: 'invoice.json'},
    {file: join(cli.folder, 'out/texts/invoice.txt')},
  ])
  expect(await readdir(join(cli.folder, 'out'))).toEqual(['invoice.json', 'texts'])
  expect(JSON.parse(await readFile(join(cli.folder, 'out/invoice.json'), 'utf8'))).toEqual({
    text: 'seven apples',
    owner: 'me',
  })
  const again = await cli.run(['results', 'invoice.pdf', '--output', 'out/'])
  expect(again.exitCode).toBe(1)
  expect(again.stderr).toContain('already exists')

  const [{generation}] = await input.file('invoice.pdf').getMetadata()
  const attributes = {
    bucketId: input.name,
    objectId: 'invoice.pdf',
    objectGeneration: String(generation),
    eventType: 'OBJECT_FINALIZE',
    payloadFormat: 'JSON_API_V1',
  }
  const topic = 'v1/projects/cloud-runner-local/topics/cloud-runner-uploads'
  const published = await fetch(`${endpoint}/${topic}:publish`, {
    method: 'POST',
    body: JSON.stringify({messages: [{attributes, data: Buffer.from('{}').toString('base64')}]}),
  })
  expect(published.status).toBe(200)
  await expect
    .poll(async () => (await cli.run(['logs', 'invoice.pdf'])).stdout, {timeout: 20_000})
    .toContain('duplicate: this generation already has its result')

  expect((await cli.run(['reprocess', 'invoice.pdf', '--wait'])).exitCode).toBe(0)
  expect(await names()).toEqual(['invoice.json', 'texts/invoice.txt'])

  await cli.write('invoice.pdf', 'bad')
  expect((await cli.run(['upload', 'invoice.pdf', '--wait'])).exitCode).toBe(3)
  // The outputs of the generation before are the user's.
  expect(await names()).toEqual(['invoice.json', 'texts/invoice.txt'])
  await cli.write('invoice.pdf', 'eight apples')
  expect((await cli.run(['upload', 'invoice.pdf', '--wait'])).exitCode).toBe(0)
  const plan = await cli.run(['destroy'])
  expect(plan.stdout + plan.stderr).toContain('1 result')
  expect((await cli.run(['destroy', '--confirm', 'cloud-runner'])).exitCode).toBe(0)
})

test('files of several outputs are known after their inputs are archived', async () => {
  const {cli, names} = await start({afterwards: 'archive'})
  await using _ = cli
  await cli.write('a.pdf', 'one')
  await cli.write('a-b.pdf', 'two')
  expect((await cli.run(['upload', 'a.pdf', 'a-b.pdf', '--wait'])).exitCode).toBe(0)
  await expect
    .poll(async () => (await statusOf(cli)).map(({input}) => input))
    .toEqual(['archived', 'archived'])
  expect((await statusOf(cli)).map(({object, state}) => `${object} ${state}`).toSorted()).toEqual([
    'a-b.pdf done',
    'a.pdf done',
  ])
  expect(await statusOf(cli, 'a.pdf')).toMatchObject([{input: 'archived', result: {outputs: 2}}])
  expect((await cli.run(['reprocess', 'a.pdf', '--wait'])).exitCode).toBe(0)
  expect(await names()).toEqual(['a-b.json', 'a.json', 'texts/a-b.txt', 'texts/a.txt'])
})
