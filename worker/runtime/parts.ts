import {createHash} from 'node:crypto'
import {buffer} from 'node:stream/consumers'
import {partsPrefix} from '../contract.ts'
import type {InputFile, Parts} from '../processor.ts'
import type {Delivery} from './envelope.ts'
import {createObjectWriter} from './output.ts'
import {eachOf} from './parallel.ts'
import type {Environment} from './settings.ts'
import type {StepChecksums} from './step-checksums.ts'
import {
  ABSENT,
  isForbidden,
  isNotFound,
  isPreconditionFailed,
  type ListedObject,
  MOST_SOURCES,
  type ObjectName,
  type Storage,
  type WriteOptions,
} from './storage/index.ts'
import type {Worker} from './worker.ts'

const CONTENT_TYPE = 'application/octet-stream'
const AT_ONCE = 8
/** Interval at which a task looks whether another has written the part that it is writing. */
const LOOK_EVERY_MS = 1000
/** An execution that has written nothing for an hour has ended: even the retry of a task starts sooner. */
const LONGEST_SILENCE_MS = 3_600_000

/** Which one of several tasks this container is. */
export interface TaskOfSeveral {
  readonly index: number
  readonly count: number
  readonly execution: string
}

/**
 * The task by the variables that Cloud Run sets; undefined outside of a job, and for an only task.
 * https://cloud.google.com/run/docs/container-contract#jobs-env-vars
 */
export function taskOfSeveral(environment: Environment): TaskOfSeveral | undefined {
  const count = Number(environment['CLOUD_RUN_TASK_COUNT'] ?? 1)
  const execution = environment['CLOUD_RUN_EXECUTION']
  if (count <= 1 || execution === undefined) return undefined
  return {index: Number(environment['CLOUD_RUN_TASK_INDEX'] ?? 0), count, execution}
}

/** What the first task has published. */
export interface Plan {
  /** Of the object: another one each time it is written. */
  readonly generation: string
  /** Undefined while it is not known. */
  readonly shared: Shared | undefined
}

/** What all tasks have to know. */
export interface Shared {
  /** Names of the result's parts, in its order. */
  readonly parts: readonly string[]
  /** Of the file. */
  readonly checksums: StepChecksums
}

/** A part that exists, and what {@link Parts.write} returned for it. */
export interface WrittenPart {
  readonly bytes: ListedObject
  readonly output: ListedObject
}

/**
 * The objects by which the tasks of one execution write the result of one file together: the plan, and for each part
 * what its task has to know (`.in`), its bytes (`.part`), and what the first task wants to know about it (`.out`).
 * A part is named by its number and the SHA-256 of its `.in`, so its objects never change: an attempt that cuts the
 * file elsewhere, or has another model, has other parts.
 */
export interface Exchange {
  plan(): Promise<Plan | undefined>
  writePlan(shared: Shared | undefined): Promise<void>
  /** @returns the part's name */
  writeInput(number: number, bytes: Uint8Array): Promise<string>
  /** Writes a part, unless another task does so first, or all is over: looks every second. */
  writePart(part: string, parts: Parts, input: InputFile): Promise<void>
  /** The parts that exist, by name. */
  written(): Promise<ReadonlyMap<string, WrittenPart>>
  hasPart(part: string): Promise<boolean>
  readOutput(part: WrittenPart): Promise<Buffer>
  /** Puts all parts together. @returns the generation of the result */
  compose(parts: readonly ListedObject[], result: ObjectName, options: WriteOptions): Promise<string>
}

/** @param metadata marks everything that the tasks write */
export function openExchange(
  storage: Storage,
  bucket: string,
  object: string,
  execution: string,
  metadata: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Exchange {
  const prefix = partsPrefix(object, execution)
  const named = (name: string): ObjectName => ({bucket, object: prefix + name})
  const options = {contentType: CONTENT_TYPE, metadata, expectedGeneration: ABSENT}
  const writeOnce = async (name: ObjectName, bytes: Uint8Array): Promise<void> => {
    try {
      await storage.write(name, [bytes], options, signal)
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error
    }
  }
  const readInput = async (part: string): Promise<Buffer> => {
    const bytes = await buffer(await storage.read(named(`${part}.in`), undefined, signal))
    if (!part.endsWith(hashOf(bytes))) throw new Error(`${prefix}${part}.in does not match its SHA-256.`)
    return bytes
  }
  const exchange: Exchange = {
    async plan() {
      const found = await storage.find(named('plan'))
      if (found === undefined) return undefined
      const {generation, sizeBytes} = found
      if (sizeBytes === 0) return {generation, shared: undefined}
      try {
        const text = await buffer(await storage.read({...named('plan'), generation}, found, signal))
        const shared: Shared = JSON.parse(text.toString('utf8'))
        return {generation, shared}
      } catch (error) {
        // It was written again meanwhile.
        if (isNotFound(error)) return {generation, shared: undefined}
        throw error
      }
    },
    async writePlan(shared) {
      const content = shared === undefined ? [] : [Buffer.from(JSON.stringify(shared))]
      await storage.write(named('plan'), content, {...options, expectedGeneration: undefined}, signal)
    },
    async writeInput(number, bytes) {
      const part = `${String(number).padStart(5, '0')}-${hashOf(bytes)}`
      await writeOnce(named(`${part}.in`), bytes)
      return part
    },
    async writePart(part, parts, input) {
      const needless = new AbortController()
      const look = async (): Promise<void> => {
        const [plan, there] = await Promise.all([storage.find(named('plan')), exchange.hasPart(part)])
        if (plan === undefined || there) needless.abort()
      }
      // A look that fails is followed by the next one.
      const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS)
      const ending = AbortSignal.any([signal, needless.signal])
      const writer = createObjectWriter(storage, named(`${part}.part`), () => options, ending)
      try {
        const output = await parts.write(await readInput(part), input, writer, {signal: ending})
        await writeOnce(named(`${part}.out`), output)
        await writer.commit()
      } catch (error) {
        signal.throwIfAborted()
        if (!needless.signal.aborted && !isPreconditionFailed(error)) throw error
      } finally {
        clearInterval(timer)
      }
    },
    async written() {
      const listed = await storage.list(bucket, prefix)
      const found = new Map(listed.map((one) => [one.name.slice(prefix.length), one]))
      const written = new Map<string, WrittenPart>()
      for (const [name, bytes] of found) {
        if (!name.endsWith('.part')) continue
        const part = name.slice(0, -'.part'.length)
        const output = found.get(`${part}.out`)
        if (output !== undefined) written.set(part, {bytes, output})
      }
      return written
    },
    async hasPart(part) {
      return (await storage.find(named(`${part}.part`))) !== undefined
    },
    async readOutput({output}) {
      const name = {bucket, object: output.name, generation: output.generation}
      return buffer(await storage.read(name, output, signal))
    },
    async compose(parts, result, target) {
      const joined = {...options, expectedGeneration: undefined}
      let sources = parts
      for (let round = 1; sources.length > MOST_SOURCES; round++) {
        const longer: ListedObject[] = []
        for (let i = 0; i < sources.length; i += MOST_SOURCES) {
          const name = named(`${String(i).padStart(5, '0')}.joined-${round}`)
          const some = sources.slice(i, i + MOST_SOURCES)
          const whole = await storage.compose(name, some, joined, signal)
          longer.push({name: name.object, ...whole})
        }
        sources = longer
      }
      return (await storage.compose(result, sources, target, signal)).generation
    },
  }
  return exchange
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Removes what the tasks of this execution have exchanged, with all versions, and what earlier executions of the file
 * have left. Another one may be running: the first task of that writes its plan every 20 seconds.
 */
export async function removeParts(
  {storage, settings, environment}: Worker,
  {event}: Delivery,
): Promise<void> {
  const bucket = settings.outputBucket
  const folder = partsPrefix(event.object, '')
  const executionOf = ({name}: ListedObject): string => name.slice(folder.length).split('/', 1).join()
  const found = await storage.list(bucket, folder, {versions: true})
  const latest = new Map<string, number>()
  for (const one of found)
    latest.set(executionOf(one), Math.max(latest.get(executionOf(one)) ?? 0, Date.parse(one.timeCreated)))
  const own = taskOfSeveral(environment)?.execution
  const removed = found.filter((one) => {
    const execution = executionOf(one)
    return execution === own || Date.now() - (latest.get(execution) ?? 0) > LONGEST_SILENCE_MS
  })
  await eachOf(removed, AT_ONCE, async ({name, generation}) => {
    const part = {bucket, object: name, generation}
    await storage.erase(part).catch(async (error: unknown) => {
      if (!isForbidden(error)) throw error
      await storage.remove(part)
    })
  })
}
