import {countStates, faultIn, type FileStatus} from '../core/files/files.ts'
import type {Counts, FileFilter} from './api.ts'

/** Files of one page, as core describes them. */
export interface IndexPage {
  readonly files: readonly FileStatus[]
  readonly counts: Counts
  readonly total: number
  readonly revisions: readonly string[]
  readonly next?: string
}

/**
 * All files of the pipeline as they were last read. Filters and pages are answered from memory, so 100,000 files take
 * milliseconds, whatever a listing of the bucket takes.
 */
export class FileIndex {
  #files: readonly FileStatus[] = []
  #revisions: readonly string[] = []
  #version = 0

  /** Increases whenever anything that the list shows changes. */
  get version(): number {
    return this.#version
  }

  /** @param read in any order */
  replace(read: readonly FileStatus[]): void {
    const files = read.toSorted(compare)
    const isSame =
      files.length === this.#files.length && files.every((file, index) => isAlike(file, this.#files[index]))
    this.#files = files
    if (isSame) return
    this.#version++
    const revisions = new Set(files.flatMap(({revision}) => revision ?? []))
    this.#revisions = [...revisions].toSorted().toReversed()
  }

  counts(): Counts {
    return countStates(this.#files)
  }

  /** Files that were done at this time or later. @param time milliseconds since 1970 */
  doneSince(time: number): number {
    const since = new Date(time).toISOString()
    const isLater = ({state, hops}: FileStatus) => state === 'done' && (hops.at(-1)?.at ?? '') >= since
    return this.#files.reduce((count, file) => (isLater(file) ? count + 1 : count), 0)
  }

  /** The newest upload of each of these names that is there. */
  generationsOf(objects: readonly string[]): ReadonlyMap<string, string> {
    const wanted = new Set(objects)
    const oldestFirst = this.#files.filter(({object}) => wanted.has(object)).toReversed()
    return new Map(oldestFirst.map(({object, generation}) => [object, generation]))
  }

  /** Files that match a filter, newest upload first. */
  matching(filter: FileFilter): readonly FileStatus[] {
    const isMatch = matcherOf(filter)
    return this.#files.filter((file) => isInStates(file, filter) && isMatch(file))
  }

  /**
   * @param after `next` of the page before
   * @returns counts by state of what matches the rest of the filter
   */
  page(filter: FileFilter, {after, limit}: {readonly after?: string; readonly limit: number}): IndexPage {
    const counts = countStates([])
    const matched: FileStatus[] = []
    const isMatch = matcherOf(filter)
    for (const file of this.#files) {
      if (!isMatch(file)) continue
      counts[file.state]++
      if (isInStates(file, filter)) matched.push(file)
    }
    const start = after === undefined ? 0 : startAfter(after, matched)
    const files = matched.slice(start, start + limit)
    const last = files.at(-1)
    const isLast = last === undefined || start + limit >= matched.length
    return {
      files,
      counts,
      total: matched.length,
      revisions: this.#revisions,
      ...(isLast ? {} : {next: `${last.uploadedAt},${last.object}`}),
    }
  }
}

/** Whether a file matches a filter, whatever its state. */
function matcherOf({prefix, text, since, revision}: FileFilter): (file: FileStatus) => boolean {
  const wanted = text.toLowerCase()
  const isNamed = (file: FileStatus) =>
    wanted === '' ||
    file.object.toLowerCase().includes(wanted) ||
    faultIn(file).toLowerCase().includes(wanted)
  return (file) =>
    file.object.startsWith(prefix) &&
    (since === '' || file.uploadedAt >= since) &&
    (revision === '' || file.revision === revision) &&
    isNamed(file)
}

function isInStates({state}: FileStatus, {states}: FileFilter): boolean {
  return states.length === 0 || states.includes(state)
}

/** Files may have come and gone since the cursor was given out, so it is a position and not a count. */
function startAfter(cursor: string, files: readonly FileStatus[]): number {
  const comma = cursor.indexOf(',')
  const [uploadedAt, object] = [cursor.slice(0, comma), cursor.slice(comma + 1)]
  const start = files.findIndex((file) => compare(file, {uploadedAt, object}) > 0)
  return start === -1 ? files.length : start
}

function isAlike(file: FileStatus, other: FileStatus | undefined): boolean {
  return (
    other !== undefined &&
    file.object === other.object &&
    file.generation === other.generation &&
    file.state === other.state &&
    file.attempts === other.attempts &&
    file.lastError?.at === other.lastError?.at &&
    file.job?.execution === other.job?.execution &&
    file.error?.code === other.error?.code &&
    file.result?.generation === other.result?.generation
  )
}

type Position = Pick<FileStatus, 'uploadedAt' | 'object'>

/** Newest upload first; of the same instant, by name. */
function compare(one: Position, other: Position): number {
  if (one.uploadedAt !== other.uploadedAt) return one.uploadedAt < other.uploadedAt ? 1 : -1
  if (one.object === other.object) return 0
  return one.object < other.object ? -1 : 1
}
