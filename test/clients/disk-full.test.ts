import {randomBytes} from 'node:crypto'
import {readdirSync, rmSync} from 'node:fs'
import {statfs, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {PubSub} from '@google-cloud/pubsub'
import {Storage} from '@google-cloud/storage'
import {Storage as Storage7} from 'google-cloud-storage-7'
import {expect, it, onTestFinished, vi} from 'vitest'
import {startFaultyProxy} from '../support/faulty-proxy.ts'
import {mountSmallDisk, NO_SMALL_DISK} from '../support/small-disk.ts'
import {missing, startTools, type Tools} from '../support/tool.ts'

const MIB = 1024 * 1024
const PROJECT = 'client-tools'
const NO_ROOM = /Not enough room on the disk of .+\/state \(.+ left\): nothing was changed\./

const disk = mountSmallDisk()
const SKIPPED = disk === undefined ? NO_SMALL_DISK : ''
const NO_GSUTIL = missing('gsutil')

/** Leaves so many bytes free on the small disk. @returns gives the room back */
async function leave(bytes: number): Promise<() => void> {
  const ballast = join(disk ?? '', 'ballast')
  const {bavail, bsize} = await statfs(disk ?? '')
  await writeFile(ballast, Buffer.alloc(bavail * bsize - bytes))
  return () => rmSync(ballast, {force: true})
}

/** A local cloud on the small disk, with a bucket. */
async function startOnSmallDisk(name: string): Promise<Tools & {unfinished: () => string[]}> {
  const root = join(disk ?? '', name)
  const tools = await startTools(root)
  onTestFinished(() => rmSync(root, {recursive: true}))
  const body = JSON.stringify({name: 'bucket'})
  await fetch(`${tools.local.endpoint}/storage/v1/b?project=${PROJECT}`, {method: 'POST', body})
  return {...tools, unfinished: () => readdirSync(join(root, 'state', 'blobs', 'incoming'))}
}

/** One file, as a major of the client handles it: the classes of both are declared apart. */
interface ClientFile {
  save(content: Buffer, options: {resumable: boolean}): Promise<void>
  download(): Promise<[Buffer]>
}

const MAJORS: [major: string, file: (apiEndpoint: string) => ClientFile][] = [
  ['8', (apiEndpoint) => new Storage({projectId: PROJECT, apiEndpoint}).bucket('bucket').file('large')],
  ['7', (apiEndpoint) => new Storage7({projectId: PROJECT, apiEndpoint}).bucket('bucket').file('large')],
]

it.skipIf(disk === undefined).each(MAJORS)(
  `Google's client for storage, major %s, repeats nothing on a full disk${SKIPPED}`,
  async (major, fileAt) => {
    const {local} = await startOnSmallDisk(`storage-${major}`)
    const proxy = await startFaultyProxy(local.endpoint)
    vi.stubEnv('STORAGE_EMULATOR_HOST', proxy.origin)
    onTestFinished(() => void vi.unstubAllEnvs())
    const file = fileAt(proxy.origin)
    const content = randomBytes(3 * MIB)
    const giveBack = await leave(2 * MIB)

    await expect(file.save(content, {resumable: false})).rejects.toMatchObject({
      code: 413,
      message: expect.stringMatching(NO_ROOM),
    })
    await expect(file.save(content, {resumable: true})).rejects.toThrow(NO_ROOM)
    expect(proxy.requests).toEqual([
      'POST /upload/storage/v1/b/bucket/o',
      'POST /upload/storage/v1/b/bucket/o',
      'PUT /upload/storage/v1/b/bucket/o',
    ])
    const {bavail, bsize} = await statfs(disk ?? '')
    expect(bavail * bsize).toBeGreaterThan(1.5 * MIB)

    giveBack()
    await file.save(content, {resumable: true})
    expect((await file.download())[0].equals(content)).toBe(true)
  },
)

it.skipIf(disk === undefined)(
  `Google's client for Pub/Sub repeats no publish on a full disk, and no acknowledged message is lost${SKIPPED}`,
  async () => {
    const {local} = await startOnSmallDisk('pubsub')
    const url = new URL(local.endpoint)
    vi.stubEnv('PUBSUB_EMULATOR_HOST', url.host)
    onTestFinished(() => void vi.unstubAllEnvs())
    const client = new PubSub({projectId: PROJECT})
    onTestFinished(() => client.close())
    const [topic] = await client.createTopic('messages')
    const [subscription] = await topic.createSubscription('messages')
    await topic.publishMessage({data: Buffer.from('before')})
    const giveBack = await leave(MIB)

    // A repeated publish would only fail after ten minutes.
    await expect(topic.publishMessage({data: randomBytes(4 * MIB)})).rejects.toMatchObject({
      code: 9,
      message: expect.stringMatching(NO_ROOM),
    })
    giveBack()
    await topic.publishMessage({data: Buffer.from('after')})

    const received: string[] = []
    await new Promise<void>((resolve, reject) => {
      subscription.on('error', reject)
      subscription.on('message', (message: {data: Buffer; ack: () => void}) => {
        message.ack()
        if (received.push(message.data.toString()) === 2) resolve()
      })
    })
    expect(received.toSorted()).toEqual(['after', 'before'])
  },
)

it.skipIf(disk === undefined || NO_GSUTIL !== undefined)(
  `gsutil repeats no upload on a full disk${SKIPPED}${NO_GSUTIL ?? ''}`,
  async () => {
    const {run, unfinished, folder} = await startOnSmallDisk('gsutil')
    await writeFile(join(folder, 'large.bin'), randomBytes(3 * MIB))
    await writeFile(join(folder, 'small.bin'), randomBytes(1000))
    const giveBack = await leave(2 * MIB)
    const copy = run(['gsutil', '-o', 'GSUtil:resumable_threshold=1', 'cp', 'large.bin', 'gs://bucket/large'])
    const said = await copy.then(String, String)
    expect(said).toMatch(NO_ROOM)
    expect(said).not.toMatch(/retry/i)
    await run(['gsutil', 'cp', 'small.bin', 'gs://bucket/small'])

    giveBack()
    await run(['gsutil', '-o', 'GSUtil:resumable_threshold=1', 'cp', 'large.bin', 'gs://bucket/large'])
    expect(await run(['gsutil', 'ls', 'gs://bucket'])).toBe('gs://bucket/large\ngs://bucket/small\n')
    expect(unfinished()).toEqual([])
  },
  60_000,
)
