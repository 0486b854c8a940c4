import {randomBytes, randomInt} from 'node:crypto'
import {setImmediate as nextTurn} from 'node:timers/promises'
import {crc32c} from '@node-rs/crc32'
import {expect, it} from 'vitest'
import {crc32cBase64} from '../../src/local-cloud/state/crc32c.ts'
import {type LocalCloudProcess, startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'
import {deletingClient, metadataClient, policyClient, secretClient} from './durability/changes.ts'
import {call, type Client, list, record} from './durability/client.ts'
import {deployingClient} from './durability/deploys.ts'
import {pushClient} from './durability/pushes.ts'

const ROUNDS = Number(process.env['DURABILITY_ROUNDS'] ?? 20)
/** Things that the clients finish in a round. */
const MOST_BEFORE_A_KILL = 200

/** What the server acknowledged, kept by its clients: the only truth that the check knows. */
interface Journal {
  readonly uploaded: Map<string, {generation: string; crc32c: string}>
  readonly published: Set<string>
  readonly acknowledged: Set<string>
  /** Acknowledgements whose answer never came: they may or may not have counted. */
  readonly inDoubt: Set<string>
  /** Objects whose event was received, and those whose content was compared, in an earlier round. */
  readonly announced: Set<string>
  readonly compared: Set<string>
}

it(
  `loses nothing that it acknowledged, whenever it is killed (${ROUNDS} rounds)`,
  async () => {
    const folder = await temporaryFolder()
    const journal: Journal = {
      uploaded: new Map(),
      published: new Set(),
      acknowledged: new Set(),
      inDoubt: new Set(),
      announced: new Set(),
      compared: new Set(),
    }
    const others: Client[] = [
      metadataClient(),
      deletingClient(),
      policyClient(),
      secretClient(),
      await pushClient(),
      deployingClient(),
    ]
    for (let round = 0; round <= ROUNDS; round++) {
      await using cloud = await startLocalCloudProcess(folder)
      if (round === 0) {
        await prepare(cloud)
        for (const client of others) await client.prepare?.(cloud)
      }
      await check(cloud, journal)
      await Promise.all(others.map((client) => client.check(cloud, round === ROUNDS)))
      if (round === ROUNDS) break
      const killed = new AbortController()
      const enough = Promise.withResolvers<void>()
      let left = randomInt(1, MOST_BEFORE_A_KILL)
      const works = [
        ...[uploadSimple, uploadResumable, publish, publish, pullAndAcknowledge].map(
          (client, index) => () => client(cloud, journal, `${round}-${index}`),
        ),
        ...others.map((client) => () => client.work(cloud)),
      ].map((work) => ({work, done: Promise.withResolvers<void>()}))
      const clients = works.map(({work, done}) =>
        untilKilled(killed.signal, work, () => {
          done.resolve()
          if (--left === 0) enough.resolve()
        }),
      )
      // A deployment takes longer than the rest: every fourth round waits until each client has got somewhere.
      if (round % 4 === 3) await Promise.all(works.map(({done}) => done.promise))
      await enough.promise
      // Not only right after an answer.
      for (let turns = randomInt(20); turns > 0; turns--) await nextTurn()
      killed.abort()
      await cloud.kill()
      await Promise.all(clients)
    }
    // The clients must have got somewhere, or nothing was proved.
    expect(journal.uploaded.size).toBeGreaterThan(ROUNDS)
    expect(journal.published.size).toBeGreaterThan(ROUNDS)
    expect(journal.acknowledged.size).toBeGreaterThan(ROUNDS)
    for (const {acknowledged} of others) expect(acknowledged).toBeGreaterThanOrEqual(Math.floor(ROUNDS / 4))
  },
  ROUNDS * 30_000 + 120_000,
)

async function prepare(cloud: LocalCloudProcess): Promise<void> {
  const {email_address: agent} = await call(cloud, 'GET', '/storage/v1/projects/p-test/serviceAccount')
  await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'durable', location: 'EU'})
  for (const topic of ['uploads', 'messages']) {
    await call(cloud, 'PUT', `/v1/projects/p-test/topics/${topic}`, {})
    await call(cloud, 'PUT', `/v1/projects/p-test/subscriptions/${topic}`, {
      topic: `projects/p-test/topics/${topic}`,
      ackDeadlineSeconds: 10,
    })
  }
  await call(cloud, 'POST', '/v1/projects/p-test/topics/uploads:setIamPolicy', {
    policy: {bindings: [{role: 'roles/pubsub.publisher', members: [`serviceAccount:${String(agent)}`]}]},
  })
  await call(cloud, 'POST', '/storage/v1/b/durable/notificationConfigs', {
    topic: 'projects/p-test/topics/uploads',
    payload_format: 'NONE',
    event_types: ['OBJECT_FINALIZE'],
  })
}

/** Runs a client again and again until the server is gone. @param done is called after each thing that it finished */
async function untilKilled(killed: AbortSignal, work: () => Promise<void>, done: () => void): Promise<void> {
  while (!killed.aborted) {
    try {
      await work()
      done()
    } catch {
      await nextTurn()
    }
  }
}

let uploads = 0

async function uploadSimple(cloud: LocalCloudProcess, {uploaded}: Journal, prefix: string): Promise<void> {
  const content = randomBytes(randomInt(0, 200_000))
  const name = `simple-${prefix}-${uploads++}`
  const response = await fetch(
    `${cloud.endpoint}/upload/storage/v1/b/durable/o?uploadType=media&name=${name}`,
    {method: 'POST', body: content},
  )
  keep(uploaded, name, content, record(await response.json()))
}

async function uploadResumable(cloud: LocalCloudProcess, {uploaded}: Journal, prefix: string): Promise<void> {
  const content = randomBytes(300_000)
  const name = `resumable-${prefix}-${uploads++}`
  const begun = await fetch(
    `${cloud.endpoint}/upload/storage/v1/b/durable/o?uploadType=resumable&name=${name}`,
    {method: 'POST'},
  )
  const session = begun.headers.get('location') ?? ''
  const half = 256 * 1024
  await fetch(session, {
    method: 'PUT',
    body: content.subarray(0, half),
    headers: {'content-range': `bytes 0-${half - 1}/*`},
  })
  const response = await fetch(session, {
    method: 'PUT',
    body: content.subarray(half),
    headers: {'content-range': `bytes ${half}-${content.length - 1}/${content.length}`},
  })
  keep(uploaded, name, content, record(await response.json()))
}

function keep(
  uploaded: Journal['uploaded'],
  name: string,
  content: Buffer,
  resource: Record<string, unknown>,
): void {
  const checksum = crc32cBase64(crc32c(content))
  expect(resource['crc32c']).toBe(checksum)
  uploaded.set(name, {generation: String(resource['generation']), crc32c: checksum})
}

async function publish(cloud: LocalCloudProcess, {published}: Journal): Promise<void> {
  const messages = Array.from({length: randomInt(1, 5)}, () => ({data: randomBytes(20).toString('base64')}))
  const {messageIds} = await call(cloud, 'POST', '/v1/projects/p-test/topics/messages:publish', {messages})
  if (Array.isArray(messageIds)) for (const id of messageIds) published.add(String(id))
}

async function pullAndAcknowledge(cloud: LocalCloudProcess, {acknowledged, inDoubt}: Journal): Promise<void> {
  const {receivedMessages} = await call(cloud, 'POST', '/v1/projects/p-test/subscriptions/messages:pull', {
    maxMessages: 10,
  })
  const received = list(receivedMessages)
  const ids = received.map(({message}) => String(record(message)['messageId']))
  for (const id of ids) inDoubt.add(id)
  await call(cloud, 'POST', '/v1/projects/p-test/subscriptions/messages:acknowledge', {
    ackIds: received.map(({ackId}) => ackId),
  })
  for (const id of ids) {
    acknowledged.add(id)
    inDoubt.delete(id)
  }
}

/** Compares a restarted server with the journal; what was drained here counts as acknowledged from now on. */
async function check(cloud: LocalCloudProcess, journal: Journal): Promise<void> {
  const stored = await everyObject(cloud)
  for (const [name, {generation, crc32c: checksum}] of journal.uploaded) {
    expect(stored.get(name), `object ${name} was acknowledged`).toEqual({generation, crc32c: checksum})
  }
  for (const [name, {crc32c: checksum}] of stored) {
    if (journal.compared.has(name)) continue
    journal.compared.add(name)
    const content = await fetch(`${cloud.endpoint}/storage/v1/b/durable/o/${name}?alt=media`)
    expect(crc32cBase64(crc32c(Buffer.from(await content.arrayBuffer()))), `object ${name} is whole`).toBe(
      checksum,
    )
  }
  for (const name of (await drain(cloud, 'uploads')).values()) journal.announced.add(name)
  for (const name of stored.keys())
    expect(journal.announced.has(name), `object ${name} was announced`).toBe(true)

  const waiting = await drain(cloud, 'messages')
  for (const id of journal.published) {
    const allowed = journal.acknowledged.has(id)
      ? ['gone']
      : journal.inDoubt.has(id)
        ? ['gone', 'waiting']
        : ['waiting']
    expect(allowed, `message ${id}`).toContain(waiting.has(id) ? 'waiting' : 'gone')
  }
  for (const id of waiting.keys()) journal.acknowledged.add(id)
  for (const id of journal.inDoubt) journal.acknowledged.add(id)
  journal.inDoubt.clear()
}

async function everyObject(
  cloud: LocalCloudProcess,
): Promise<Map<string, {generation: string; crc32c: string}>> {
  const objects = new Map<string, {generation: string; crc32c: string}>()
  let pageToken = ''
  do {
    const page = await call(
      cloud,
      'GET',
      `/storage/v1/b/durable/o?pageToken=${encodeURIComponent(pageToken)}`,
    )
    for (const {name, generation, crc32c: checksum} of list(page['items']))
      objects.set(String(name), {generation: String(generation), crc32c: String(checksum)})
    pageToken = typeof page['nextPageToken'] === 'string' ? page['nextPageToken'] : ''
  } while (pageToken !== '')
  return objects
}

/** Takes and acknowledges everything that waits. @returns message id → object id */
async function drain(cloud: LocalCloudProcess, subscription: string): Promise<Map<string, string>> {
  const received = new Map<string, string>()
  for (;;) {
    const answer = await call(cloud, 'POST', `/v1/projects/p-test/subscriptions/${subscription}:pull`, {
      maxMessages: 1000,
      returnImmediately: true,
    })
    const batch = list(answer['receivedMessages'])
    if (batch.length === 0) return received
    for (const {message} of batch) {
      const {messageId, attributes} = record(message)
      received.set(String(messageId), String(record(attributes)['objectId']))
    }
    await call(cloud, 'POST', `/v1/projects/p-test/subscriptions/${subscription}:acknowledge`, {
      ackIds: batch.map(({ackId}) => ackId),
    })
  }
}
