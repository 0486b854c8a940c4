import {call, list, send} from './client.ts'
import {DEAD_SUBSCRIPTION, INPUT, OUTPUT, PROJECT} from './pipeline.ts'
import {resultFor} from './processor.ts'
import type {Try, UploadedFile} from './uploads.ts'
import {theWorld} from './world.ts'

/** How a generation of a file ended. */
export interface Endings {
  readonly done: Set<string>
  readonly failed: Set<string>
  readonly dead: Set<string>
}

const key = (name: string, generation: string): string => `${name}#${generation}`

interface StoredObject {
  readonly name: string
  readonly generation: string
  readonly source: string | undefined
  readonly owner: string | undefined
  readonly isPending: boolean
}

async function objectsOf(bucket: string, versions = false): Promise<StoredObject[]> {
  const {items} = await call('GET', `/storage/v1/b/${bucket}/o?versions=${versions}`)
  return list(items).map(({name, generation, metadata}) => {
    const custom: Record<string, unknown> = Object(metadata)
    const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
    return {
      name: String(name),
      generation: String(generation),
      source: text(custom['source-generation']),
      owner: text(custom['source-object']),
      isPending: custom['pending'] !== undefined,
    }
  })
}

/** Dead letters that were pulled, which stay leased until the end of the simulation. */
export class DeadLetters {
  readonly letters = new Map<string, Record<string, unknown>>()

  async pull(): Promise<void> {
    for (;;) {
      const {receivedMessages} = await call('POST', `/v1/${DEAD_SUBSCRIPTION}:pull`, {
        maxMessages: 100,
        returnImmediately: true,
      })
      const received = list(receivedMessages)
      if (received.length === 0) return
      for (const {message} of received) {
        const {messageId, attributes}: Record<string, unknown> = Object(message)
        this.letters.set(String(messageId), Object(attributes))
      }
    }
  }
}

const RESULTS = /^(?:_cloud-runner\/(?<listed>.+)\/outputs\.json|(?!_cloud-runner\/)(?<single>.+))$/

/** Name of the input that a result, not a part of one, is about. */
function resultName({name, owner, isPending}: StoredObject): string | undefined {
  const {listed, single} = RESULTS.exec(name)?.groups ?? {}
  if (isPending || (listed === undefined && owner !== undefined)) return undefined
  return listed ?? single
}

export async function findEndings(dead: DeadLetters): Promise<Endings> {
  await dead.pull()
  const endings: Endings = {done: new Set(), failed: new Set(), dead: new Set()}
  for (const object of await objectsOf(OUTPUT, true)) {
    const {source = ''} = object
    const failed = /^_cloud-runner\/(?<of>.+)\/error\.json$/.exec(object.name)?.groups?.['of']
    if (failed !== undefined) endings.failed.add(key(failed, source))
    const done = resultName(object)
    if (done !== undefined) endings.done.add(key(done, source))
  }
  for (const {objectId, objectGeneration} of dead.letters.values())
    endings.dead.add(key(String(objectId), String(objectGeneration)))
  return endings
}

/** Files in the bucket, with their generations, that have not ended yet. */
export async function unfinished(dead: DeadLetters): Promise<string[]> {
  const {done, failed, dead: buried} = await findEndings(dead)
  const inputs = await objectsOf(INPUT)
  return inputs
    .filter(({name}) => !name.startsWith('archive/'))
    .map(({name, generation}) => key(name, generation))
    .filter((file) => !done.has(file) && !failed.has(file) && !buried.has(file))
}

/** Checks everything that must hold once all files have ended. */
export async function checkAll(files: readonly UploadedFile[], dead: DeadLetters): Promise<void> {
  const world = theWorld()
  const endings = await findEndings(dead)
  for (const file of files) await checkUploads(file, endings)
  checkCommits(await objectsOf(OUTPUT, true))
  for (const letter of dead.letters.values()) await checkReason(letter, endings)
  world.log(`done ${endings.done.size}, failed ${endings.failed.size}, dead ${endings.dead.size}`)
}

/** Nothing that was acknowledged is lost, and the result is that of the bytes. */
async function checkUploads({name, tries}: UploadedFile, {done}: Endings): Promise<void> {
  const world = theWorld()
  const last = tries.findLast(({outcome}) => outcome === 'acknowledged')
  const there = await read(INPUT, name)
  if (there === undefined) {
    // It may be gone once it, or a later one whose answer was lost, has its result.
    const acknowledged = BigInt(last?.generation ?? 0)
    const isDone = [...done].some((file) => {
      const [of, generation = ''] = file.split('#')
      return of === name && BigInt(generation) >= acknowledged
    })
    if (last !== undefined && !isDone) world.violate(`${name} was acknowledged and is lost`)
    return
  }
  const possible = tries.filter((one) => one === last || one.outcome === 'doubt')
  const found = possible.find(({content}) => content === there.text)
  if (found === undefined) world.violate(`${name} has other bytes than were acknowledged: ${there.text}`)
  if (found?.generation !== undefined && found.generation !== there.generation)
    world.violate(`${name} has generation ${there.generation}, acknowledged was ${found.generation}`)
  if (done.has(key(name, there.generation))) await checkResult(name, there, tries)
}

async function checkResult(
  name: string,
  input: {text: string; generation: string},
  tries: readonly Try[],
): Promise<void> {
  const world = theWorld()
  const names = input.text.startsWith('several') ? [`${name}.a`, `${name}.b`] : [name]
  for (const output of names) {
    const result = await read(OUTPUT, output)
    if (result === undefined) world.violate(`${output} is done and has no result`)
    else if (result.text.trimEnd() !== resultFor(input.text) && tries.length > 0)
      world.violate(`${output} has the result ${result.text}, its input is ${input.text}`)
  }
}

async function read(bucket: string, name: string): Promise<{text: string; generation: string} | undefined> {
  const {status, text, headers} = await send({
    method: 'GET',
    path: `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`,
  })
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`reading ${name}: ${status} ${text}`)
  return {text: text.trimEnd(), generation: String(headers['x-goog-generation'])}
}

/** One commit for a generation, and none of an older one after it. */
function checkCommits(objects: readonly StoredObject[]): void {
  const world = theWorld()
  const commits = Map.groupBy(
    objects.filter((object) => resultName(object) !== undefined),
    (object) => resultName(object),
  )
  for (const [name, results] of commits) {
    const inOrder = results.toSorted((a, b) => Number(BigInt(a.generation) - BigInt(b.generation)))
    let newest = 0n
    for (const {source = '0', generation} of inOrder) {
      const from = BigInt(source)
      if (from === newest) world.violate(`${name} of generation ${source} has a second result, ${generation}`)
      if (from < newest) world.violate(`${name} has the result of ${source} after that of ${newest}`)
      newest = from
    }
  }
}

/**
 * A dead letter names its subscription and its attempts, and the log says why one of them was refused; unless the
 * file is done, and only the answers to its deliveries were lost.
 */
async function checkReason(letter: Record<string, unknown>, {done}: Endings): Promise<void> {
  const world = theWorld()
  const {objectId, objectGeneration, CloudPubSubDeadLetterSourceDeliveryCount: attempts} = letter
  const file = key(String(objectId), String(objectGeneration))
  if (!(Number(attempts) >= 1)) world.violate(`the dead letter of ${file} does not say its attempts`)
  if (done.has(file)) return
  const {entries} = await call('POST', '/v2/entries:list', {
    resourceNames: [`projects/${PROJECT}`],
    filter: `severity>=WARNING AND labels.object="${String(objectId)}" AND labels.generation="${String(objectGeneration)}"`,
    pageSize: 1,
  })
  if (list(entries).length === 0) world.violate(`the log says nothing about the dead letter of ${file}`)
}
