import {
  ARCHIVE_PREFIX,
  RESERVED_PREFIX,
  RESULT_METADATA,
  sidecarObject,
  type Afterwards,
} from '../../../worker/contract.ts'
import {eachOf} from '../parallel.ts'
import type {Context} from '../ports/context.ts'
import type {ListRange, ObjectStore, StoredObject} from '../ports/objects.ts'
import {readCommits, resultOf, sourceGeneration, type Commits} from './commits.ts'
import {departed, type Input} from './departed.ts'
import {compareNames} from './names.ts'

/** An input object, and what a worker wrote about it; a listing leaves out the report. */
export interface ListedFile {
  readonly input: Input
  readonly commits: Commits
}

const LOOKS_AT_ONCE = 8
const READS_AT_ONCE = 25
/** Metadata of an input object that tells whether it is an archived copy. */
const OF_INPUTS = [RESULT_METADATA.sourceGeneration]
/** Metadata that a verdict on a file needs of its result. */
const OF_RESULTS = [RESULT_METADATA.sourceGeneration, RESULT_METADATA.sourceObject]
/** The same, if the input may be gone. */
const OF_DEPARTED = [
  ...OF_RESULTS,
  RESULT_METADATA.pending,
  RESULT_METADATA.sourceSize,
  RESULT_METADATA.sourceCreated,
  RESULT_METADATA.published,
]
/** Files that are passed on at once. */
const PAGE_FILES = 1000
/** First names after all those with the reserved prefix, and in the archive. */
const AFTER_RESERVED = RESERVED_PREFIX.replace(/\/$/, '0')
const AFTER_ARCHIVE = ARCHIVE_PREFIX.replace(/\/$/, '0')
/** The sidecars that tell a file's state; the others would triple the listing. */
const MARKS = `${RESERVED_PREFIX}**/{error,job,outputs}.json`

/**
 * Every input object with its commits, by page; also those that were archived or deleted after their result, if the
 * pipeline does that. All listings have the order of names, so they are merged as they arrive: memory follows the page,
 * not the bucket.
 * @param prefix of the objects' names
 * @param extent of the results' metadata: all, or what a verdict needs, a quarter of it; {@link readWhole} reads the rest
 */
export async function* mergeFiles(
  prefix: string,
  {cloud: {objects}, pipeline}: Pick<Context, 'cloud' | 'pipeline'>,
  extent: 'whole' | 'verdict',
): AsyncGenerator<readonly ListedFile[]> {
  const {inputBucket, outputBucket} = pipeline.names
  const {afterwards} = pipeline.settings
  const ofInputs = {prefix, metadata: OF_INPUTS}
  const ofResults = {
    prefix,
    ...(extent === 'whole' ? {} : {metadata: afterwards === 'keep' ? OF_RESULTS : OF_DEPARTED}),
  }
  const inputs = new Cursor(
    pagesOf(
      objects,
      inputBucket,
      afterwards === 'archive'
        ? [
            {...ofInputs, endOffset: ARCHIVE_PREFIX},
            {...ofInputs, startOffset: AFTER_ARCHIVE},
          ]
        : [ofInputs],
    ),
  )
  const results = new Cursor(
    pagesOf(objects, outputBucket, [
      {...ofResults, endOffset: RESERVED_PREFIX},
      {...ofResults, startOffset: AFTER_RESERVED},
    ]),
  )
  const marks = new Cursor(
    pagesOf(objects, outputBucket, [{prefix: `${RESERVED_PREFIX}${prefix}`, matchGlob: MARKS}]),
  )
  /** Files that a mark may still be about: `a` waits for `a/outputs.json`, which comes after `a-b` and `a/b`. */
  const open: OpenFile[] = []
  let settled: ListedFile[] = []

  /** Takes the marks under names before `end`. */
  const takeMarks = async (end: string | undefined): Promise<void> => {
    while (!marks.hasEnded) {
      const mark = marks.here ?? (await marks.load())
      const key = mark && keyOf(mark)
      if (key === undefined || (end !== undefined && compareNames(key, end) >= 0)) return
      const [, of, kind] = /^([^]*)\/(error|job|outputs)\.json$/.exec(key) ?? []
      const one = open.find(({input: {name}}) => name === of)
      if (one !== undefined && isMark(kind)) one[kind] = mark
      if (one === undefined && kind === 'outputs') {
        const input = departedOf(mark, afterwards)
        if (input !== undefined && (await objects.stat(inputBucket, input.name)) === undefined)
          settled.push({input, commits: {result: mark, error: undefined, report: undefined}})
      }
      marks.pass()
    }
  }

  /** Settles the files that no mark from `end` on can be about. Nothing is copied: there may be very many. */
  const settleBefore = (end: string | undefined): void => {
    let waiting = 0
    for (const one of open) {
      const {input, single, outputs, error, job} = one
      if (end === undefined || isPast(input.name, end))
        settled.push({input, commits: {result: resultOf(single, outputs), error, job, report: undefined}})
      else open[waiting++] = one
    }
    open.length = waiting
  }

  for (;;) {
    const live = inputs.here ?? (await inputs.load())
    const output = results.here ?? (await results.load())
    const order = live && output ? compareNames(live.name, output.name) : Number(!live)
    if (!live && !output) break
    const input = live && order <= 0 ? live : undefined
    const result = output && order >= 0 ? output : undefined
    if (input) inputs.pass()
    if (result) results.pass()
    const isPart = result?.metadata[RESULT_METADATA.sourceObject] !== undefined
    const file = input ? fileOf(input) : isPart ? undefined : departedOf(result, afterwards)
    if (file === undefined) continue
    // An await for each file would take longer than all the rest.
    if (!marks.hasEnded) await takeMarks(file.name)
    settleBefore(file.name)
    open.push({
      input: file,
      single: result,
      outputs: undefined,
      error: undefined,
      job: undefined,
    })
    if (settled.length >= PAGE_FILES) {
      yield await completed(settled, objects, outputBucket)
      settled = []
    }
  }
  await takeMarks(undefined)
  settleBefore(undefined)
  yield await completed(settled, objects, outputBucket)
}

/** Reads what a listing for verdicts left out of the results, unless they are gone by now. */
export async function readWhole(
  files: readonly ListedFile[],
  {cloud: {objects}}: Pick<Context, 'cloud'>,
): Promise<ListedFile[]> {
  const results = new Map<ListedFile, StoredObject>()
  await eachOf(files, READS_AT_ONCE, async (file) => {
    const {result} = file.commits
    if (result === undefined || result.name.startsWith(RESERVED_PREFIX)) return
    const whole = await objects.stat(result.bucket, result.name, result.generation)
    if (whole !== undefined) results.set(file, whole)
  })
  return files.map((file) => {
    const result = results.get(file)
    return result === undefined ? file : {...file, commits: {...file.commits, result}}
  })
}

/** The object itself, unless it is a folder, an archived copy, or reserved. */
function fileOf(object: StoredObject): Input | undefined {
  const {name} = object
  const isCopy = name.startsWith(ARCHIVE_PREFIX) && sourceGeneration(object) !== undefined
  return isCopy || name.startsWith(RESERVED_PREFIX) || name.endsWith('/') ? undefined : object
}

/** An input that was archived or deleted after this result, or these outputs. */
function departedOf(result: StoredObject | undefined, afterwards: Afterwards): Input | undefined {
  const generation = sourceGeneration(result)
  const isPending = result?.metadata[RESULT_METADATA.pending] !== undefined
  return result === undefined || generation === undefined || isPending || afterwards === 'keep'
    ? undefined
    : departed(result, generation, afterwards === 'archive' ? 'archived' : 'deleted')
}

interface OpenFile {
  readonly input: Input
  /** The object under its own name. */
  readonly single: StoredObject | undefined
  outputs: StoredObject | undefined
  error: StoredObject | undefined
  job: StoredObject | undefined
}

function isMark(kind: string | undefined): kind is 'error' | 'job' | 'outputs' {
  return kind === 'error' || kind === 'job' || kind === 'outputs'
}

/** Whether every mark about a file comes before `end`, a later name; `outputs.json` is the last of them. */
function isPast(name: string, end: string): boolean {
  return !end.startsWith(name) || compareNames('/outputs.json', end.slice(name.length)) < 0
}

function keyOf({name}: StoredObject): string {
  return name.slice(RESERVED_PREFIX.length)
}

async function* pagesOf(
  objects: ObjectStore,
  bucket: string,
  ranges: readonly ListRange[],
): AsyncGenerator<readonly StoredObject[]> {
  for (const range of ranges) yield* objects.pages(bucket, range)
}

/** Reads pages one object after the other. The first page is requested at once. */
class Cursor {
  readonly #pages: AsyncIterator<readonly StoredObject[]>
  #following: Promise<IteratorResult<readonly StoredObject[]>> | undefined
  #page: readonly StoredObject[] = []
  #at = 0
  #hasEnded = false

  constructor(pages: AsyncIterator<readonly StoredObject[]>) {
    this.#pages = pages
    this.#following = pages.next()
    // If another listing fails first, nobody waits for this one.
    this.#following.catch(() => {})
  }

  /** The object that it stands at, unless a page has to be loaded for it. */
  get here(): StoredObject | undefined {
    return this.#page[this.#at]
  }

  /** Whether there is nothing left to load. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  pass(): void {
    this.#at++
  }

  /** @returns the first object of the next page; `undefined` at the end */
  async load(): Promise<StoredObject | undefined> {
    while (!this.#hasEnded) {
      const {done, value} = await (this.#following ?? this.#pages.next())
      this.#following = undefined
      this.#hasEnded = done === true
      this.#page = done === true ? [] : value
      this.#at = 0
      if (this.#page.length > 0) break
    }
    return this.here
  }
}

/** Adds the commits of files whose names are too long to be part of their sidecars' names. */
async function completed(
  files: readonly ListedFile[],
  objects: ObjectStore,
  outputBucket: string,
): Promise<readonly ListedFile[]> {
  const isNamed = ({input: {name}}: ListedFile) => sidecarObject(name, 'job.json').includes(name)
  if (files.every(isNamed)) return files
  const commits = new Map<ListedFile, Commits>()
  const unnamed = files.filter((file) => !isNamed(file))
  await eachOf(unnamed, LOOKS_AT_ONCE, async (file) => {
    commits.set(file, await readCommits(objects, outputBucket, file.input.name))
  })
  return files.map((file) => ({input: file.input, commits: commits.get(file) ?? file.commits}))
}
