import {once} from 'node:events'
import {mkdir, open, readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {spawn} from 'node:child_process'
import {DatabaseSync} from 'node:sqlite'
import {expect, it, onTestFinished} from 'vitest'
import {registrySchema} from '../../src/local-cloud/artifact-registry/index.ts'
import {iamSchema} from '../../src/local-cloud/iam/schema.ts'
import {LocalCloud, LocalCloudError} from '../../src/local-cloud/index.ts'
import {loggingSchema} from '../../src/local-cloud/logging/index.ts'
import {pubsubSchema} from '../../src/local-cloud/pubsub/index.ts'
import {runSchema} from '../../src/local-cloud/run/index.ts'
import {openState} from '../../src/local-cloud/state/open.ts'
import {portsSchema} from '../../src/local-cloud/state/listening-ports.ts'
import {storageSchema} from '../../src/local-cloud/storage/index.ts'
import {operationsSchema} from '../../src/local-cloud/operations/schema.ts'
import {systemClock} from '../../src/local-cloud/wire/clock.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const TOPIC = 'projects/p-test/topics/messages'
const SUBSCRIPTION = 'projects/p-test/subscriptions/messages'

async function call(cloud: LocalCloud, method: string, path: string, body?: object | string) {
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    ...(body === undefined ? {} : {body: typeof body === 'string' ? body : JSON.stringify(body)}),
  })
  const text = await response.text()
  const json: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : {}
  return {status: response.status, text, json}
}

const upload = (cloud: LocalCloud, name: string) =>
  call(cloud, 'POST', `/upload/storage/v1/b/bucket/o?uploadType=media&name=${name}`, `content of ${name}`)

async function fill(cloud: LocalCloud): Promise<void> {
  await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'bucket'})
  await call(cloud, 'PUT', `/v1/${TOPIC}`, {})
  await call(cloud, 'PUT', `/v1/${SUBSCRIPTION}`, {topic: TOPIC})
  for (const name of ['first', 'second']) await upload(cloud, name)
}

/** Changes the rows of a folder that no local cloud is using. */
function change(folder: string, sql: string): void {
  using database = new DatabaseSync(join(folder, 'state.db'))
  database.exec(sql)
}

const failure = async (stateFolder: string): Promise<LocalCloudError> => {
  const cloud = await LocalCloud.start({stateFolder}).catch((error: unknown) => error)
  if (cloud instanceof LocalCloudError) return cloud
  if (cloud instanceof LocalCloud) await cloud[Symbol.asyncDispose]()
  throw new Error(`It started, or failed otherwise: ${String(cloud)}`)
}

it('a folder that another local cloud has open is refused, with its process and since when it runs', async () => {
  const stateFolder = await temporaryFolder()
  await using cloud = await LocalCloud.start({stateFolder})
  const {startedAt} = cloud.status()
  expect(await failure(stateFolder)).toMatchObject({
    code: 'locked',
    message: expect.stringContaining(`It is process ${process.pid}, since ${startedAt}.`),
    suggestions: ['Stop the other one: cloud-runner local stop'],
  })
  expect((await call(cloud, 'GET', '/storage/v1/b?project=p-test')).status).toBe(200)
})

it('a file that is not a database is refused and left alone', async () => {
  const folder = await temporaryFolder()
  const stateFolder = join(folder, "Ann's state")
  await mkdir(stateFolder)
  const file = join(stateFolder, 'state.db')
  await using handle = await open(file, 'w')
  await handle.write('this is not a database, but somebody may want it')
  expect(await failure(stateFolder)).toMatchObject({
    code: 'state-unreadable',
    suggestions: [
      String.raw`Move the folder away to start over: mv '${folder}/Ann'\''s state' '${folder}/Ann'\''s state.broken'`,
    ],
  })
  expect((await stat(file)).size).toBe(48)
})

it('a database with damaged pages is refused or named, and never served as if it were whole', async () => {
  const stateFolder = await temporaryFolder()
  {
    await using cloud = await LocalCloud.start({stateFolder})
    await fill(cloud)
  }
  const file = join(stateFolder, 'state.db')
  const {size} = await stat(file)
  {
    await using handle = await open(file, 'r+')
    const garbage = Buffer.alloc(4096, 0xee)
    // The first page says what the tables are; the others hold them.
    for (let offset = 4096; offset < size; offset += 4096) await handle.write(garbage, 0, 4096, offset)
  }
  expect(await failure(stateFolder)).toMatchObject({
    code: 'state-unreadable',
    message: expect.stringMatching(/malformed|damaged/),
  })
})

it('an object whose row is damaged is named, and the others are served', async () => {
  const stateFolder = await temporaryFolder()
  {
    await using cloud = await LocalCloud.start({stateFolder})
    await fill(cloud)
  }
  change(stateFolder, `UPDATE storage_objects SET fields = '{"contentType":' WHERE name = 'first'`)
  await using cloud = await LocalCloud.start({stateFolder})
  expect(await call(cloud, 'GET', '/storage/v1/b/bucket/o/first')).toMatchObject({
    status: 500,
    text: expect.stringContaining('the stored data of bucket/first'),
  })
  expect(await call(cloud, 'GET', '/bucket/second')).toMatchObject({status: 200, text: 'content of second'})
})

it('a damaged row that is needed at the start is named', async () => {
  const stateFolder = await temporaryFolder()
  {
    await using cloud = await LocalCloud.start({stateFolder})
    await fill(cloud)
  }
  change(stateFolder, `UPDATE pubsub_subscriptions SET resource = '{"name"'`)
  expect(await failure(stateFolder)).toMatchObject({
    code: 'state-unreadable',
    message: `The state in ${stateFolder} is damaged: table pubsub_subscriptions, column resource, name ${SUBSCRIPTION} holds broken JSON.`,
  })
})

it.each([
  ['pubsub_subscriptions', 'resource', '{"name": 7}'],
  ['projects', 'json', '{}'],
  ['operations', 'json', '[]'],
])('a row of %s that holds something else in %s is named at the start', async (table, column, json) => {
  const stateFolder = await temporaryFolder()
  {
    await using cloud = await LocalCloud.start({stateFolder})
    await fill(cloud)
    await call(cloud, 'POST', '/v3/projects', {projectId: 'another'})
  }
  change(stateFolder, `UPDATE ${table} SET ${column} = '${json}'`)
  if (table === 'operations') change(stateFolder, 'UPDATE operations SET done = 0')
  expect(await failure(stateFolder)).toMatchObject({
    code: 'state-unreadable',
    message: expect.stringContaining(`column ${column} of its row in state.db`),
  })
})

it('a folder of the first version is brought to the newest, and what is in it is served', async () => {
  const stateFolder = await temporaryFolder()
  const first = [
    portsSchema,
    operationsSchema,
    iamSchema,
    registrySchema,
    loggingSchema,
    pubsubSchema,
    storageSchema,
    runSchema,
  ].map(({name, migrations}) => ({name, migrations: migrations.slice(0, 1)}))
  {
    await using state = await openState({folder: stateFolder, schemas: first})
    const blob = await state.blobs.create()
    await blob.write(Buffer.from('old content'))
    const {id, md5, crc32c} = await blob.finish()
    await state.write(() => {
      state.database.exec(`
        INSERT INTO storage_buckets (name, project, metageneration, generation, time_created, updated, last_notification, fields)
        VALUES ('old', 'p-test', 1, 1, 1700000000000, 1700000000000, 0, '{"location":"EU"}');
        INSERT INTO pubsub_topics (name, resource) VALUES ('${TOPIC}', '{"name":"${TOPIC}"}');
        INSERT INTO iam_policies (resource, policy) VALUES
          ('${TOPIC}', '{"etag":"x","bindings":[{"role":"roles/pubsub.publisher","members":["allUsers"]}]}');
      `)
      state.database
        .prepare(
          `INSERT INTO storage_objects (bucket, name, generation, metageneration, size, blob, crc32c, md5, time_created, updated, fields)
           VALUES ('old', 'object', 2, 1, 11, ?, ?, ?, 1700000000000, 1700000000000, '{}')`,
        )
        .run(id, crc32c, md5)
    })
  }
  await using cloud = await LocalCloud.start({stateFolder})
  expect(await call(cloud, 'GET', '/old/object')).toMatchObject({status: 200, text: 'old content'})
  expect((await call(cloud, 'GET', `/v1/${TOPIC}:getIamPolicy`)).json).toMatchObject({
    bindings: [{role: 'roles/pubsub.publisher', members: ['allUsers']}],
  })
  expect((await call(cloud, 'POST', `/v1/${TOPIC}:publish`, {messages: [{data: 'eA=='}]})).status).toBe(200)
})

it('a clock that is set back repeats no generation and publishes nothing before what was', async () => {
  const stateFolder = await temporaryFolder()
  const run = async (setBackMs: number) => {
    const clock = {...systemClock, now: () => systemClock.now() - setBackMs}
    await using cloud = await LocalCloud.start({stateFolder, clock})
    if (setBackMs === 0) await fill(cloud)
    const {json} = await upload(cloud, 'first')
    await call(cloud, 'POST', `/v1/${TOPIC}:publish`, {messages: [{data: 'eA=='}]})
    return Number(json['generation'])
  }
  const before = await run(0)
  const after = await run(24 * 3_600_000)
  expect(after).toBeGreaterThan(before)
  await using cloud = await LocalCloud.start({stateFolder})
  const {json} = await call(cloud, 'POST', `/v1/${SUBSCRIPTION}:pull`, {maxMessages: 10})
  const received: {message: {publishTime: string; messageId: string}}[] = JSON.parse(
    JSON.stringify(json['receivedMessages']),
  )
  const times = received
    .toSorted((a, b) => Number(a.message.messageId) - Number(b.message.messageId))
    .map(({message}) => Date.parse(message.publishTime))
  expect(times).toHaveLength(2)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
})

it('a stop that comes while it starts ends it', async () => {
  const main = join(import.meta.dirname, '../../src/local-cloud/main.ts')
  const folder = await temporaryFolder()
  const child = spawn(process.execPath, [main, '--state', join(folder, 'state')], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  // Its handlers are there before it makes its folder.
  await expect.poll(() => readdir(folder)).toEqual(['state'])
  child.kill('SIGTERM')
  const [code, signal]: unknown[] = await once(child, 'exit')
  expect([0, 'SIGTERM']).toContain(signal ?? code)
})
