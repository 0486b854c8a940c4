import {count} from './format.ts'

/** Files up to which each is told of where lines stay, as in the log of a CI. */
const MOST_TOLD = 20
/** Lines that more files are told of in. */
const PARTS = 10

/** Whether a line of progress can take the place of the one before. */
export function isDisplay(): boolean {
  return (
    process.stderr.isTTY &&
    process.stdout.isTTY &&
    process.env['TERM'] !== 'dumb' &&
    process.env['CI'] === undefined
  )
}

/** How a piece of work over many files tells of them. */
export interface FilesProgress {
  /** Something happens to a file. */
  readonly step: (text: string) => void
  /** A file is through. */
  readonly through: (text: string) => void
}

/** Tells of each of `total` files, or where many lines would stay of each tenth of them. */
export function progressOf(
  step: (text: string) => void,
  total: number,
  isSparing: boolean = total > MOST_TOLD && !isDisplay(),
): FilesProgress {
  if (!isSparing) return {step, through: step}
  let through = 0
  return {
    step: () => {},
    through: () => {
      through += 1
      const isNextPart = Math.floor((through * PARTS) / total) > Math.floor(((through - 1) * PARTS) / total)
      if (isNextPart) step(`${count(through)} of ${count(total)}`)
    },
  }
}
