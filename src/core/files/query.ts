import {AppError, EXIT} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import {readNewestActivity} from './activity.ts'
import {readDeadLetters} from './dead-letters.ts'
import {countStates, type FileState, type FileStatus} from './files.ts'
import {mergeFiles, readWhole, type ListedFile} from './merge.ts'
import {commonPrefix, type NamePattern} from './names.ts'
import {endOf, openFileOf, settle, standingOf, type OpenEvidence} from './read-files.ts'
import {eachOf} from '../parallel.ts'
import {command, suggest} from '../suggestion.ts'

/** Which files to list. */
export interface FileQuery {
  /** Empty: all. */
  readonly states?: readonly FileState[]
  /** Names that match any of them; empty: all. */
  readonly names?: readonly NamePattern[]
  readonly limit: number
  /** `next` of the page before. */
  readonly after?: string | undefined
}

export interface FilePage {
  /** Problems first, also those that are tried again, then what is open, then the rest; the newest first of each. They lack the hop `processed`. */
  readonly files: readonly FileStatus[]
  /** Of every file with a matching name, whatever the limit and the states. */
  readonly counts: Readonly<Record<FileState, number>>
  /** How many files match the query, on all pages. */
  readonly total: number
  /** How many of them come after this page. */
  readonly more: number
  /** Where the next page begins, for `after`; absent on the last page. */
  readonly next?: string
}

/** States in the order of a list. */
const RANKS: Readonly<Record<FileState, number>> = {
  failed: 0,
  dead: 0,
  running: 1,
  waiting: 2,
  ignored: 3,
  done: 3,
}
const LOOKS_AT_ONCE = 8
/** Most files of a page whose results are read one by one, rather than all of the bucket whole. */
const MOST_READ_AGAIN = 200

/**
 * Lists files by state, counting all. One pass over the listings of both buckets, of which only the page is kept; logs,
 * dead letters and error reports are read for files that are open, failed or on the page. If these are many, those that
 * the newest log lines do not mention count as waiting, or failed.
 */
export async function queryFiles(
  {states = [], names = [], limit, after}: FileQuery,
  context: Context,
): Promise<FilePage> {
  const {pipeline} = context
  const counts = countStates([])
  const page = new Page(limit, after === undefined ? undefined : positionIn(after))
  let total = 0
  const add = (file: ListedFile, state: FileState, rank = RANKS[state]) => {
    counts[state]++
    if (states.length > 0 && !states.includes(state)) return
    total++
    page.add(file, rank)
  }

  const open: ListedFile[] = []
  const prefix = commonPrefix(names.map((pattern) => pattern.prefix))
  const isShort = limit <= MOST_READ_AGAIN
  for await (const files of mergeFiles(prefix, context, isShort ? 'verdict' : 'whole')) {
    for (const file of files) {
      if (names.length > 0 && !names.some((pattern) => pattern.matches(file.input.name))) continue
      const end = endOf(file, pipeline.settings)
      if (end === undefined) open.push(file)
      else add(file, end)
    }
  }
  const evidence = await readNewestEvidence(open, context)
  await eachOf(open, LOOKS_AT_ONCE, async (file) => {
    const {state, retry} = (await standingOf(file, evidence, context)) ?? {state: 'failed' as const}
    add(file, state, retry === undefined ? RANKS[state] : RANKS.failed)
  })
  const shown = isShort ? await readWhole(page.files(), context) : page.files()
  const files = await settle(shown, context, evidence.isComplete ? evidence : undefined)
  const {next} = page
  return {files, counts, total, more: page.more, ...(next === undefined ? {} : {next})}
}

async function readNewestEvidence(
  open: readonly ListedFile[],
  context: Context,
): Promise<OpenEvidence & {readonly isComplete: boolean}> {
  if (open.length === 0) return {dead: new Map(), activities: new Map(), isComplete: true}
  const [dead, newest] = await Promise.all([
    readDeadLetters(context),
    readNewestActivity(
      open.map((file) => openFileOf(file)),
      context,
    ),
  ])
  return {dead, ...newest}
}

/** Where a file stands in the order. */
interface Position {
  readonly rank: number
  readonly uploadedAt: string
  readonly object: string
}

function compare(one: Position, other: Position): number {
  if (one.rank !== other.rank) return one.rank - other.rank
  if (one.uploadedAt !== other.uploadedAt) return one.uploadedAt < other.uploadedAt ? 1 : -1
  if (one.object === other.object) return 0
  return one.object < other.object ? -1 : 1
}

/** The first files after a position, of those that were added; keeps few more than that. */
class Page {
  readonly #limit: number
  readonly #after: Position | undefined
  #kept: {readonly position: Position; readonly file: ListedFile}[] = []
  #cut = 0
  /** The last position of a full page: what comes after it is counted alone. */
  #worst: Position | undefined

  constructor(limit: number, after: Position | undefined) {
    this.#limit = limit
    this.#after = after
  }

  add(file: ListedFile, rank: number): void {
    const position = {rank, uploadedAt: file.input.timeCreated, object: file.input.name}
    if (this.#after !== undefined && compare(position, this.#after) <= 0) return
    // What is held until the next sort is promoted to V8's old space, and costs more there than it is large.
    if (this.#worst !== undefined && compare(position, this.#worst) > 0) {
      this.#cut++
      return
    }
    this.#kept.push({position, file})
    if (this.#kept.length > this.#limit * 2 + 1000) this.#sort()
  }

  files(): ListedFile[] {
    this.#sort()
    return this.#kept.map(({file}) => file)
  }

  /** Files after the page. */
  get more(): number {
    this.#sort()
    return this.#cut
  }

  get next(): string | undefined {
    this.#sort()
    const last = this.#kept.at(-1)?.position
    return this.#cut > 0 && last ? `${last.rank},${last.uploadedAt},${last.object}` : undefined
  }

  #sort(): void {
    this.#kept.sort((one, other) => compare(one.position, other.position))
    this.#cut += Math.max(0, this.#kept.length - this.#limit)
    this.#kept.splice(this.#limit)
    this.#worst = this.#kept.length === this.#limit ? this.#kept.at(-1)?.position : undefined
  }
}

/** @throws AppError `usage` if it is not the `next` of a page */
function positionIn(text: string): Position {
  const [, rank, uploadedAt, object] = /^(\d),([^,]+),([^]+)$/.exec(text) ?? []
  if (rank === undefined || uploadedAt === undefined || object === undefined) {
    throw new AppError(`--after ${text} is not where a page ends.`, {
      code: 'usage',
      exitCode: EXIT.usage,
      suggestions: [suggest`The last line of each page has it: ${command('status')}`],
    })
  }
  return {rank: Number(rank), uploadedAt, object}
}
