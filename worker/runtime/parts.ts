import {buffer} from 'node:stream/consumers'
import {partsPrefix, RESULT_METADATA} from '../contract.ts'
import type {InputFile, Parts} from '../processor.ts'
import type {Delivery} from './envelope.ts'
import {createObjectWriter} from './output.ts'
import {eachOf} from './parallel.ts'
import type {Environment} from './settings.ts'
import {
  ABSENT,
  isForbidden,
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
  /** How many parts the result has; undefined while that is not known. */
  readonly parts: number | undefined
}

/**
 * The objects by which the tasks of one execution write the result of one file together: the plan, and for each part
 * what its task has to know (`.in`), its bytes (`.part`), and what the first task wants to know about it (`.out`).
 * Only a part's bytes are written with a precondition: whoever writes the others writes the same.
 */
export interface Exchange {
  plan(): Promise<Plan | undefined>
  writePlan(parts: number | undefined): Promise<void>
  writeInput(part: number, bytes: Uint8Array): Promise<void>
  /** Writes a part, unless another task does so first, or all is over: looks every second. */
  writePart(part: number, parts: Parts, input: InputFile): Promise<void>
  /** The parts that exist, by number. */
  written(): Promise<ReadonlyMap<number, ListedObject>>
  hasPart(part: number): Promise<boolean>
  /** What {@link Parts.write} returned for a part that exists. */
  readOutput(part: number): Promise<Buffer>
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
  const nameOf = (part: number, kind: 'in' | 'part' | 'out'): ObjectName =>
    named(`${String(part).padStart(5, '0')}.${kind}`)
  const write = (
    name: ObjectName,
    bytes: Uint8Array,
    more: Readonly<Record<string, string>> = {},
  ): Promise<unknown> => {
    const options = {
      contentType: CONTENT_TYPE,
      metadata: {...metadata, ...more},
      expectedGeneration: undefined,
    }
    return storage.write(name, [bytes], options, signal)
  }
  const read = async (name: ObjectName): Promise<Buffer> =>
    buffer(await storage.read(name, undefined, signal))
  const exchange: Exchange = {
    async plan() {
      const found = await storage.find(named('plan'))
      if (found === undefined) return undefined
      const parts = found.metadata[RESULT_METADATA.parts]
      return {generation: found.generation, parts: parts === undefined ? undefined : Number(parts)}
    },
    async writePlan(parts) {
      const known = parts === undefined ? {} : {[RESULT_METADATA.parts]: String(parts)}
      await write(named('plan'), new Uint8Array(0), known)
    },
    async writeInput(part, bytes) {
      await write(nameOf(part, 'in'), bytes)
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
      const options = {contentType: CONTENT_TYPE, metadata, expectedGeneration: ABSENT}
      const writer = createObjectWriter(storage, nameOf(part, 'part'), () => options, ending)
      try {
        const output = await parts.write(await read(nameOf(part, 'in')), input, writer, {signal: ending})
        await write(nameOf(part, 'out'), output)
        await writer.commit()
      } catch (error) {
        signal.throwIfAborted()
        if (!needless.signal.aborted && !isPreconditionFailed(error)) throw error
      } finally {
        clearInterval(timer)
      }
    },
    async written() {
      const found = new Map<number, ListedObject>()
      for (const one of await storage.list(bucket, prefix)) {
        const [, part] = /(\d+)\.part$/.exec(one.name.slice(prefix.length)) ?? []
        if (part !== undefined) found.set(Number(part), one)
      }
      return found
    },
    async hasPart(part) {
      return (await storage.find(nameOf(part, 'part'))) !== undefined
    },
    readOutput: (part) => read(nameOf(part, 'out')),
    async compose(parts, result, options) {
      const joined = {contentType: CONTENT_TYPE, metadata, expectedGeneration: undefined}
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
      return (await storage.compose(result, sources, options, signal)).generation
    },
  }
  return exchange
}

/** Removes what tasks have exchanged about this generation of a file or an earlier one, whichever execution it was. */
export async function removeParts({storage, settings}: Worker, {event}: Delivery): Promise<void> {
  const bucket = settings.outputBucket
  const found = await storage.list(bucket, partsPrefix(event.object, ''))
  await eachOf(found, AT_ONCE, async ({name, generation, metadata}) => {
    const source = metadata[RESULT_METADATA.sourceGeneration]
    if (source !== undefined && BigInt(source) > BigInt(event.generation)) return
    const part = {bucket, object: name, generation}
    await storage.erase(part).catch(async (error: unknown) => {
      if (!isForbidden(error)) throw error
      await storage.remove(part)
    })
  })
}
