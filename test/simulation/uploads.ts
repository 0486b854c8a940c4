import {call, parse, send} from './client.ts'
import {INPUT, TOPIC} from './pipeline.ts'
import {type Kind, KINDS} from './processor.ts'
import {theWorld} from './world.ts'

/** One try to upload a file. In doubt until its answer comes, and if none does. */
export interface Try {
  readonly content: string
  outcome: 'doubt' | 'acknowledged' | 'refused'
  /** If it was acknowledged. */
  generation?: string
}

/** What an uploader knows of its file: the only truth that the checks know. */
export interface UploadedFile {
  readonly name: string
  readonly kind: Kind
  readonly tries: Try[]
}

/** Of a resumable upload, a multiple of 256 KiB. */
const CHUNK_BYTES = 256 * 1024
const MOST_TRIES = 8
const LONGEST_PAUSE_MS = 20_000

/** Uploads a file once or several times, each until it is acknowledged or there is no patience left. */
export async function uploadFile(file: UploadedFile): Promise<void> {
  const world = theWorld()
  const versions = world.chance(0.3) ? world.whole(2, 3) : 1
  for (let version = 1; version <= versions; version++) {
    for (let count = 1; count <= MOST_TRIES; count++) {
      const one: Try = {content: contentOf(file, `${version}.${count}`), outcome: 'doubt'}
      file.tries.push(one)
      await (world.chance(0.15) ? uploadResumably(file.name, one) : uploadAtOnce(file.name, one))
      world.log(`uploads ${file.name} ${version}.${count}: ${one.outcome} ${one.generation ?? ''}`)
      if (one.outcome === 'acknowledged') break
      await pause(1000 * 2 ** count)
    }
    await pause(LONGEST_PAUSE_MS)
  }
  if (world.chance(0.3)) await announceAgain(file)
}

/** Publishes a notification of an earlier generation once more, as Pub/Sub may deliver any message again, and late. */
async function announceAgain({name, tries}: UploadedFile): Promise<void> {
  const {generation} = tries.find(({outcome}) => outcome === 'acknowledged') ?? {}
  if (generation === undefined) return
  const attributes = {
    bucketId: INPUT,
    objectId: name,
    objectGeneration: generation,
    eventType: 'OBJECT_FINALIZE',
    payloadFormat: 'NONE',
  }
  await call('POST', `/v1/${TOPIC}:publish`, {messages: [{attributes}]}).catch(() => undefined)
  theWorld().log(`announces ${name} ${generation} again`)
}

function contentOf({name, kind}: UploadedFile, count: string): string {
  return `${kind} ${name} ${count}`
}

export function kindOf(index: number): Kind {
  const world = theWorld()
  return world.chance(0.5)
    ? 'plain'
    : (KINDS[(index + world.whole(0, KINDS.length - 1)) % KINDS.length] ?? 'plain')
}

async function uploadAtOnce(name: string, one: Try): Promise<void> {
  try {
    const answer = await send({
      method: 'POST',
      path: `/upload/storage/v1/b/${INPUT}/o?uploadType=media&name=${name}`,
      body: one.content,
      headers: {'content-type': 'text/plain'},
    })
    judge(one, answer)
  } catch {
    // Its answer was lost, or the request was.
  }
}

/** In two pieces, the second one filled up with blanks to be a resumable upload at all. */
async function uploadResumably(name: string, one: Try): Promise<void> {
  const bytes = Buffer.from(one.content.padEnd(CHUNK_BYTES + 10))
  try {
    const begun = await send({
      method: 'POST',
      path: `/upload/storage/v1/b/${INPUT}/o?uploadType=resumable&name=${name}`,
      headers: {'content-type': 'text/plain'},
    })
    const location = begun.headers['location']
    if (typeof location !== 'string') {
      judge(one, begun)
      return
    }
    const {pathname, search} = new URL(location)
    for (let retry = 0, from = 0; retry < 4; retry++) {
      const to = from === 0 ? CHUNK_BYTES : bytes.length
      const answer = await send({
        method: 'PUT',
        path: pathname + search,
        body: bytes.subarray(from, to),
        headers: {'content-range': `bytes ${from}-${to - 1}/${bytes.length}`},
      }).catch(() => undefined)
      if (answer !== undefined && answer.status < 300) {
        judge(one, answer)
        return
      }
      if (answer?.status !== 308) await pause(2000)
      const there = await send({
        method: 'PUT',
        path: pathname + search,
        headers: {'content-range': `bytes */${bytes.length}`},
      }).catch(() => undefined)
      if (there !== undefined && there.status < 300) {
        judge(one, there)
        return
      }
      const [, last] = /bytes=0-(\d+)/.exec(String(there?.headers['range'])) ?? []
      from = last === undefined ? 0 : Number(last) + 1
    }
  } catch {
    // As above.
  }
}

function judge(one: Try, {status, text}: {status: number; text: string}): void {
  if (status < 300) {
    one.outcome = 'acknowledged'
    one.generation = String(parse(text)['generation'])
  } else if (status < 500) one.outcome = 'refused'
}

function pause(mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    theWorld().schedule(theWorld().whole(0, mostMs), resolve)
  })
}
