import {text} from 'node:stream/consumers'
import {
  RESERVED_PREFIX,
  RESULT_METADATA,
  sidecarObject,
  type ListedOutput,
  type OutputList,
} from '../contract.ts'
import {PermanentError, type Output} from '../processor.ts'
import {isSameRun, ownerOf, type Committed} from './commit-state.ts'
import {createObjectWriter, misused, type ObjectWriter} from './output.ts'
import {eachOf} from './parallel.ts'
import {findCommitted} from './sidecars.ts'
import {ABSENT, isNotFound, isPreconditionFailed, type Storage} from './storage/index.ts'

/** https://cloud.google.com/storage/docs/objects#naming */
const LONGEST_NAME_BYTES = 1024
const AT_ONCE = 8

/** The file that outputs belong to, and the run that writes them. */
export interface OutputsOfRun {
  readonly storage: Storage
  readonly bucket: string
  readonly object: string
  readonly generation: string
  /** Marks everything the run writes. */
  readonly metadata: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** The object under the input's own name, and the `outputs.json`, when the run began. */
  readonly single: Committed | undefined
  readonly mark: Committed | undefined
}

/** The several outputs of a run. */
export interface Outputs {
  readonly file: Output['file']
  readonly count: number
  readonly sizeBytes: number
  /**
   * Makes all of them visible and removes those of earlier runs; `outputs.json` goes last. What a crash leaves is named
   * in the pending `outputs.json`, so that the next run replaces or removes it.
   * @returns false if another delivery of the file came first: nothing of this run stays
   * @throws PermanentError if a name belongs to another file or to nobody: nothing was written
   */
  commit(): Promise<boolean>
}

interface Part {
  readonly name: string
  readonly contentType: string
  readonly writer: ObjectWriter
  /** What has the name now, once it is known: the generation to replace. */
  readonly find: () => Promise<Committed | undefined>
}

/** Another delivery wrote in between. */
class Conflict extends Error {
  override readonly name = 'Conflict'
}

export function createOutputs(run: OutputsOfRun): Outputs {
  const {storage, bucket, object, signal} = run
  const parts = new Map<string, Part>()
  const written: {name: string; generation: string}[] = []
  const markName = {bucket, object: sidecarObject(object, 'outputs.json')}
  const metadata = {...run.metadata, [RESULT_METADATA.sourceObject]: object}
  const totalBytes = (): number => [...parts.values()].reduce((sum, {writer}) => sum + writer.sizeBytes, 0)

  /** Writes with a precondition; a retry after a lost response fails against its own success. */
  async function once(name: string, marks: Record<string, string>, write: () => Promise<string>) {
    try {
      return await write()
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error
      const there = await findCommitted(storage, {bucket, object: name})
      if (there !== undefined && isSameRun(there, marks)) return there.outputGeneration
      throw new Conflict(name)
    }
  }

  function writeMark(outputs: ListedOutput[], more: Record<string, string>, expectedGeneration: string) {
    const content: OutputList = {object, generation: run.generation, outputs}
    const options = {contentType: 'application/json', metadata: {...metadata, ...more}, expectedGeneration}
    const bytes = Buffer.from(`${JSON.stringify(content, null, 2)}\n`)
    return once(markName.object, options.metadata, async () => {
      return (await storage.write(markName, [bytes], options, signal)).generation
    })
  }

  async function writeAll(): Promise<void> {
    const all = [...parts.values()]
    for (const {name, find} of all) refuseTaken(name, object, await find())
    const before = run.mark === undefined ? [] : await entriesIn(storage, bucket, object, run.mark)
    const completed = new Map(before.map(({name, generation}) => [name, generation]))
    const obsolete = before.filter(({name}) => !parts.has(name))
    const names = [
      ...all.map(({name, contentType}) => ({name, contentType})),
      ...obsolete.map(({name}) => ({name, contentType: ''})),
    ].map((entry) => {
      const generation = completed.get(entry.name)
      return generation === undefined ? entry : {...entry, generation}
    })
    const pending = await writeMark(
      names,
      {[RESULT_METADATA.pending]: 'true'},
      run.mark?.outputGeneration ?? ABSENT,
    )
    const listed = new Map<string, ListedOutput>()
    await eachOf(all, AT_ONCE, async ({name, contentType, writer}) => {
      const generation = await once(name, metadata, () => writer.commit())
      written.push({name, generation})
      listed.set(name, {name, contentType, generation, sizeBytes: writer.sizeBytes})
    })
    await removeParts(storage, bucket, object, obsolete)
    // The result of an earlier worker that wrote one.
    if (run.single !== undefined && ownerOf(object, run.single) === object && !parts.has(object))
      await storage.remove({bucket, object, generation: run.single.outputGeneration})
    const totals = {
      [RESULT_METADATA.outputs]: String(all.length),
      [RESULT_METADATA.outputsSize]: String(totalBytes()),
    }
    await writeMark(
      all.flatMap(({name}) => listed.get(name) ?? []),
      totals,
      pending,
    )
  }

  const removeWritten = (): Promise<void> =>
    eachOf(written, AT_ONCE, ({name, generation}) => storage.remove({bucket, object: name, generation}))

  return {
    get count() {
      return parts.size
    },
    get sizeBytes() {
      return totalBytes()
    },
    file(name, options?: {readonly contentType?: unknown}) {
      refuseName(name)
      const contentType = options?.contentType
      if (typeof contentType !== 'string' || contentType === '')
        throw misused(
          `output.file("${name}") has no content type; for example: output.file("${name}", {contentType: "text/csv"}).`,
        )
      if (parts.has(name)) throw misused(`output.file("${name}") was called twice.`)
      const looked = findCommitted(storage, {bucket, object: name})
      // The first use reports it.
      looked.catch(() => undefined)
      let found: Committed | undefined
      const find = async (): Promise<Committed | undefined> => (found = await looked)
      const writer = createObjectWriter(
        storage,
        {bucket, object: name},
        () => ({contentType, metadata, expectedGeneration: found?.outputGeneration ?? ABSENT}),
        signal,
      )
      parts.set(name, {name, contentType, writer, find})
      return {
        async write(chunk) {
          await find()
          await writer.write(chunk)
        },
      }
    },
    async commit() {
      try {
        await writeAll()
        return true
      } catch (error) {
        if (!(error instanceof Conflict)) throw error
        // Another run that is still writing has the names of this one in its list.
        const now = await findCommitted(storage, markName)
        if (now?.metadata[RESULT_METADATA.pending] === undefined) await removeWritten()
        return false
      }
    },
  }
}

/** Removes the outputs that an `outputs.json` lists, then itself. */
export async function removeOutputs(
  storage: Storage,
  bucket: string,
  object: string,
  mark: Committed,
): Promise<void> {
  const entries = await entriesIn(storage, bucket, object, mark)
  await removeParts(storage, bucket, object, entries)
  const name = {bucket, object: sidecarObject(object, 'outputs.json')}
  await storage.remove({...name, generation: mark.outputGeneration})
}

/** Removes those objects that are outputs of the file. */
async function removeParts(
  storage: Storage,
  bucket: string,
  object: string,
  entries: readonly {readonly name: string}[],
): Promise<void> {
  await eachOf(entries, AT_ONCE, async ({name}) => {
    const there = await findCommitted(storage, {bucket, object: name})
    if (there?.metadata[RESULT_METADATA.sourceObject] !== object) return
    await storage.remove({bucket, object: name, generation: there.outputGeneration})
  })
}

/**
 * Removes the outputs that a crash left of a file that turned out to be bad. Those of an earlier complete run stay, and
 * the pending list with them, for the next run to replace or remove.
 */
export async function removeUnfinished(
  storage: Storage,
  bucket: string,
  object: string,
  mark: Committed,
): Promise<void> {
  const entries = await entriesIn(storage, bucket, object, mark)
  const unfinished = entries.filter(({generation}) => generation === undefined)
  if (unfinished.length === entries.length) return removeOutputs(storage, bucket, object, mark)
  return removeParts(storage, bucket, object, unfinished)
}

/** Outputs in an `outputs.json`; none if another delivery has replaced it, which the next write notices. */
async function entriesIn(
  storage: Storage,
  bucket: string,
  object: string,
  mark: Committed,
): Promise<Pick<ListedOutput, 'name' | 'generation'>[]> {
  const name = {bucket, object: sidecarObject(object, 'outputs.json'), generation: mark.outputGeneration}
  try {
    const list: unknown = JSON.parse(await text(await storage.read(name, undefined)))
    const {outputs}: {outputs?: unknown} = Object(list)
    return Array.isArray(outputs)
      ? outputs.flatMap((output: unknown) => {
          const {name: listed, generation}: {name?: unknown; generation?: unknown} = Object(output)
          if (typeof listed !== 'string') return []
          return [{name: listed, ...(typeof generation === 'string' ? {generation} : {})}]
        })
      : []
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

/** @throws PermanentError if an object of the pipeline cannot have the name */
function refuseName(name: string): void {
  const reason = reasonAgainst(name)
  if (reason === undefined) return
  throw new PermanentError(`The worker cannot write an output named "${name}": ${reason}.`, {
    code: 'output-name',
    suggestions: ['Correct the name in the worker, deploy it, and process the file again.'],
  })
}

function reasonAgainst(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'it is not a name'
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) return `it has more than ${LONGEST_NAME_BYTES} bytes`
  if (name.startsWith(RESERVED_PREFIX)) return `names under ${RESERVED_PREFIX} are reserved`
  if (name.endsWith('/')) return 'it ends in /'
  if (/[\r\n]/.test(name)) return 'it has a line break'
  return name.includes('\0') ? 'it has a null character' : undefined
}

/** @throws PermanentError unless the name is free, or has an output or the result of the same file */
export function refuseTaken(name: string, object: string, there: Committed | undefined): void {
  if (there === undefined) return
  const owner = ownerOf(name, there)
  if (owner === object) return
  throw new PermanentError(
    owner === undefined
      ? `${name} exists in the output bucket, and no worker wrote it.`
      : `${name} in the output bucket is an output of ${owner}.`,
    {
      code: 'output-taken',
      suggestions: ['Let the worker choose names that contain the name of the file.'],
    },
  )
}
