import {spawn} from 'node:child_process'
import {createHash, randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {closeSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync} from 'node:fs'
import {statfs} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {openState} from '../../src/local-cloud/state/open.ts'
import {fillDisk, mountSmallDisk, NO_SMALL_DISK} from '../support/small-disk.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'
import {type LocalCloudProcess, startLocalCloudProcess} from '../support/local-cloud-process.ts'

const MIB = 1024 * 1024

const disk = mountSmallDisk()

async function call(
  cloud: LocalCloudProcess,
  method: string,
  path: string,
  body?: object | string | Buffer,
): Promise<{status: number; text: string}> {
  const sent =
    body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    ...(sent === undefined ? {} : {body: sent}),
  })
  return {status: response.status, text: await response.text()}
}

const FULL = {
  status: 413,
  text: expect.stringMatching(
    /Not enough room on the disk of \/.+ \([\d.]+ [KMG]?i?[Bb]\w* left\): nothing was changed\./,
  ),
}

it.skipIf(disk === undefined)(
  `a full disk fails what needs it, leaves nothing half done, and is over once there is space${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const folder = disk ?? ''
    const stateFolder = join(folder, 'state')
    const upload = (cloud: LocalCloudProcess, name: string, content: Buffer) =>
      call(cloud, 'POST', `/upload/storage/v1/b/bucket/o?uploadType=media&name=${name}`, content)
    const publish = (cloud: LocalCloudProcess) =>
      call(cloud, 'POST', '/v1/projects/p-test/topics/messages:publish', {
        messages: [{data: randomBytes(100_000).toString('base64')}],
      })
    const small = randomBytes(1000)
    {
      await using cloud = await startLocalCloudProcess(stateFolder)
      await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'bucket'})
      await call(cloud, 'PUT', '/v1/projects/p-test/topics/messages', {})
      await call(cloud, 'PUT', '/v1/projects/p-test/subscriptions/messages', {
        topic: 'projects/p-test/topics/messages',
      })
      expect(await upload(cloud, 'small', small)).toMatchObject({status: 200})

      expect(await upload(cloud, 'large', randomBytes(20 * MIB))).toEqual(FULL)
      expect(await call(cloud, 'GET', '/storage/v1/b/bucket/o/large')).toMatchObject({status: 404})
      expect(readdirSync(join(stateFolder, 'blobs', 'incoming'))).toEqual([])

      // Now the rows cannot grow either.
      const {bavail, bsize} = await statfs(folder)
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(bavail * bsize))
      expect(await publish(cloud)).toEqual(FULL)
      expect(await upload(cloud, 'refused', small)).toEqual(FULL)
      expect(await call(cloud, 'GET', '/bucket/small')).toMatchObject({status: 200})

      rmSync(join(folder, 'ballast'))
      expect(await publish(cloud)).toMatchObject({status: 200})
      expect(await upload(cloud, 'again', small)).toMatchObject({status: 200})
    }
    await using cloud = await startLocalCloudProcess(stateFolder)
    const {text} = await call(cloud, 'GET', '/storage/v1/b/bucket/o?fields=items(name)')
    const {items}: {items: {name: string}[]} = JSON.parse(text)
    expect(items.map(({name}) => name)).toEqual(['again', 'small'])
    const pulled = await call(cloud, 'POST', '/v1/projects/p-test/subscriptions/messages:pull', {
      maxMessages: 10,
    })
    const {receivedMessages}: {receivedMessages: object[]} = JSON.parse(pulled.text)
    expect(receivedMessages).toHaveLength(1)
  },
  30_000,
)

it.skipIf(disk === undefined)(
  `every call that needs space on a full disk fails alike, and leaves nothing behind${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const folder = disk ?? ''
    const stateFolder = join(folder, 'every')
    const registry = '/v2/p-test/images/worker'
    const blob = randomBytes(1000)
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
    await using cloud = await startLocalCloudProcess(stateFolder)
    const locations = '/v1/projects/p-test/locations/europe-west3'
    await call(cloud, 'POST', `${locations}/repositories?repository_id=images`, {format: 'DOCKER'})
    await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'bucket'})
    await call(cloud, 'POST', '/upload/storage/v1/b/bucket/o?uploadType=media&name=a', 'a')
    await call(cloud, 'PUT', '/v1/projects/p-test/topics/topic', {})
    await call(cloud, 'PUT', '/v1/projects/p-test/subscriptions/subscription', {
      topic: 'projects/p-test/topics/topic',
    })
    const message = {messages: [{data: 'YQ=='}]}
    await call(cloud, 'POST', '/v1/projects/p-test/topics/topic:publish', message)
    const pulled = await call(cloud, 'POST', '/v1/projects/p-test/subscriptions/subscription:pull', {
      maxMessages: 1,
    })
    const {receivedMessages}: {receivedMessages: {ackId: string}[]} = JSON.parse(pulled.text)
    const started = await fetch(`${cloud.endpoint}${registry}/blobs/uploads/`, {method: 'POST'})
    const upload = started.headers.get('location') ?? ''

    const calls: [method: string, path: string, body?: object | string | Buffer][] = [
      ['POST', '/storage/v1/b?project=p-test', {name: 'other'}],
      ['POST', '/upload/storage/v1/b/bucket/o?uploadType=media&name=b', 'b'],
      ['POST', '/upload/storage/v1/b/bucket/o?uploadType=resumable&name=c', {}],
      ['POST', '/storage/v1/b/bucket/o/d/compose', {sourceObjects: [{name: 'a'}]}],
      ['POST', '/storage/v1/b/bucket/o/a/rewriteTo/b/bucket/o/e', {}],
      ['PATCH', '/storage/v1/b/bucket/o/a', {metadata: {key: 'value'}}],
      ['PUT', '/v1/projects/p-test/topics/other', {}],
      ['POST', '/v1/projects/p-test/topics/topic:publish', message],
      [
        'POST',
        '/v1/projects/p-test/subscriptions/subscription:acknowledge',
        {ackIds: receivedMessages.map(({ackId}) => ackId)},
      ],
      [
        'POST',
        '/v2/entries:write',
        {
          logName: 'projects/p-test/logs/l',
          resource: {type: 'global'},
          entries: [{textPayload: 'x'}],
        },
      ],
      ['POST', `${locations}/repositories?repository_id=other`, {format: 'DOCKER'}],
      ['POST', `${registry}/blobs/uploads/?digest=${digest}`, blob],
      ['PUT', `${upload}?digest=${digest}`, blob],
      ['POST', `${registry}/blobs/uploads/`],
      [
        'POST',
        '/v2/projects/p-test/locations/europe-west3/jobs?jobId=j',
        {
          template: {
            template: {containers: [{image: `europe-west3-docker.pkg.dev/p-test/images/worker@${digest}`}]},
          },
        },
      ],
    ]
    const before = readdirSync(join(stateFolder, 'blobs', 'incoming'))
    const ballast = await fillDisk(folder)
    onTestFinished(() => rmSync(ballast, {force: true}))
    for (const [method, path, body] of calls)
      expect([method, path, await call(cloud, method, path, body)]).toEqual([method, path, FULL])
    expect(readdirSync(join(stateFolder, 'blobs', 'incoming'))).toEqual(before)

    rmSync(ballast)
    // The last one names an image that is not there.
    for (const [method, path, body] of calls.slice(0, -1))
      expect([path, Math.floor((await call(cloud, method, path, body)).status / 100)]).toEqual([path, 2])
  },
  30_000,
)

it.skipIf(disk === undefined)(
  `a start on a full disk says so, with what to do${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const folder = disk ?? ''
    const stateFolder = join(folder, 'start')
    const ballast = await fillDisk(folder)
    onTestFinished(() => rmSync(ballast, {force: true}))
    const failure = {
      code: 'disk-full',
      message: expect.stringMatching(
        /^Not enough room on the disk of \/.+\/start \(0 bytes left\) to start the local cloud\.$/,
      ),
      suggestions: [`See how full the disk is: df -h ${folder}`, expect.stringMatching(/^Free some space/)],
    }
    await expect(LocalCloud.start({stateFolder})).rejects.toMatchObject(failure)
    // Room for the folders, and not for the tables.
    truncateSync(ballast, statSync(ballast).size - 32 * 1024)
    await expect(LocalCloud.start({stateFolder})).rejects.toMatchObject({code: 'disk-full'})
    rmSync(ballast)
    await using cloud = await LocalCloud.start({stateFolder})
    expect(cloud.endpoint).toMatch(/^http:/)
  },
)

it.skipIf(disk === undefined)(
  `a log file that cannot grow does not end the local cloud${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const folder = disk ?? ''
    const ballast = await fillDisk(folder)
    onTestFinished(() => rmSync(ballast, {force: true}))
    const log = openSync(join(folder, 'local-cloud.log'), 'a')
    onTestFinished(() => closeSync(log))
    const main = join(import.meta.dirname, '../../src/local-cloud/main.ts')
    const child = spawn(process.execPath, [main, '--state', await temporaryFolder()], {
      stdio: ['ignore', 'ignore', log, 'ipc'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    // It logs that it is ready just after it said so.
    await once(child, 'message')
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  },
)

it.skipIf(disk === undefined)(
  `what has happened already is recorded once there is space${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const folder = disk ?? ''
    const sql = 'CREATE TABLE outcomes (text TEXT) STRICT'
    await using state = await openState({
      folder: join(folder, 'record'),
      schemas: [{name: 'test', migrations: [sql]}],
    })
    const insert = state.database.prepare('INSERT INTO outcomes VALUES (?)')
    const ballast = await fillDisk(folder)
    onTestFinished(() => rmSync(ballast, {force: true}))
    const text = 'x'.repeat(MIB)
    const recorded = state.record(() => insert.run(text))
    await expect(state.write(() => insert.run(text))).rejects.toThrow('Not enough room on the disk')
    rmSync(ballast)
    await recorded
    expect(state.database.prepare('SELECT count(*) AS count FROM outcomes').get()).toEqual({count: 1})

    const again = await fillDisk(folder)
    onTestFinished(() => rmSync(again, {force: true}))
    const waiting = state.record(() => insert.run(text))
    await expect(state.write(() => insert.run(text))).rejects.toThrow('Not enough room on the disk')
    state.giveUpWaiting()
    await expect(waiting).rejects.toThrow('Not enough room on the disk')
  },
)

it.skipIf(disk === undefined)(
  `a resumable upload keeps what it acknowledged on the full disk, and continues from there${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const folder = disk ?? ''
    const content = randomBytes(6 * MIB)
    const total = content.length
    await using cloud = await startLocalCloudProcess(join(folder, 'resumable'))
    await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'bucket'})
    const begun = await fetch(`${cloud.endpoint}/upload/storage/v1/b/bucket/o?uploadType=resumable&name=r`, {
      method: 'POST',
    })
    const session = begun.headers.get('location') ?? ''
    const put = async (range: string, body: Buffer) => {
      const response = await fetch(session, {method: 'PUT', body, headers: {'content-range': range}})
      return {status: response.status, range: response.headers.get('range'), text: await response.text()}
    }
    const onDisk = () => {
      const incoming = join(folder, 'resumable', 'blobs', 'incoming')
      return readdirSync(incoming).reduce((sum, name) => sum + statSync(join(incoming, name)).size, 0)
    }
    const {bavail, bsize} = await statfs(folder)
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(bavail * bsize - 3 * MIB))

    expect(await put(`bytes 0-${MIB - 1}/${total}`, content.subarray(0, MIB))).toMatchObject({status: 308})
    expect(await put(`bytes ${MIB}-${total - 1}/${total}`, content.subarray(MIB))).toMatchObject(FULL)
    expect(onDisk()).toBe(MIB)
    expect(await put(`bytes */${total}`, Buffer.alloc(0))).toMatchObject({
      status: 308,
      range: `bytes=0-${MIB - 1}`,
    })

    rmSync(join(folder, 'ballast'))
    expect(await put(`bytes ${MIB}-${total - 1}/${total}`, content.subarray(MIB))).toMatchObject({
      status: 200,
      text: expect.stringContaining(createHash('md5').update(content).digest('base64')),
    })
  },
  30_000,
)
