import {createHash, randomBytes} from 'node:crypto'
import {readdirSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {statfs} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {mountSmallDisk, NO_SMALL_DISK} from '../support/small-disk.ts'
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

const FULL = {status: 429, text: expect.stringContaining('The disk that holds the local cloud is full.')}

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
  `a resumable upload tells what is on the full disk, and goes on from there${disk === undefined ? NO_SMALL_DISK : ''}`,
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

    expect(await put(`bytes 0-${4 * MIB - 1}/${total}`, content.subarray(0, 4 * MIB))).toMatchObject(FULL)
    const {status, range} = await put(`bytes */${total}`, Buffer.alloc(0))
    expect(status).toBe(308)
    const kept = Number(/^bytes=0-(\d+)$/.exec(range ?? '')?.[1] ?? -1) + 1
    expect(kept).toBe(onDisk())
    expect(kept).toBeLessThan(4 * MIB)

    rmSync(join(folder, 'ballast'))
    expect(await put(`bytes ${kept}-${total - 1}/${total}`, content.subarray(kept))).toMatchObject({
      status: 200,
      text: expect.stringContaining(createHash('md5').update(content).digest('base64')),
    })
  },
  30_000,
)
