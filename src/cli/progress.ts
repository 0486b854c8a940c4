import {count} from './format.ts'

/** Above this many files, non-interactive output, such as a CI log, reports tenths. */
const MOST_LISTED = 20
/** Number of progress lines then. */
const PARTS = 10

/** Whether a line of progress can overwrite the previous one. */
export function isDisplay(): boolean {
  return (
    process.stderr.isTTY &&
    process.stdout.isTTY &&
    process.env['TERM'] !== 'dumb' &&
    process.env['CI'] === undefined
  )
}

/** Reports progress over many files. */
export interface FilesProgress {
  /** Something happened to a file. */
  readonly step: (text: string) => void
  /** A file is finished. */
  readonly finished: (text: string) => void
}

/** Reports each of `total` files, or each tenth of them if that would leave many lines. */
export function progressOf(
  step: (text: string) => void,
  total: number,
  isSparing: boolean = total > MOST_LISTED && !isDisplay(),
): FilesProgress {
  if (!isSparing) return {step, finished: step}
  let finished = 0
  return {
    step: () => {},
    finished: () => {
      finished += 1
      const isNextPart = Math.floor((finished * PARTS) / total) > Math.floor(((finished - 1) * PARTS) / total)
      if (isNextPart) step(`${count(finished)} of ${count(total)}`)
    },
  }
}
