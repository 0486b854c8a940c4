import {exitCodeOf} from './signals.ts'

/** Narrower terminals are unreadable; one whose size was never set reports 0 columns. */
const LEAST_COLUMNS = 20
const USUAL_COLUMNS = 80

/** Corrects an unusable width of the standard streams, for this program and for libraries that wrap lines. */
function correctColumns(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const correct = () => {
      if (stream.columns < LEAST_COLUMNS) stream.columns = USUAL_COLUMNS
    }
    if (!stream.isTTY) continue
    correct()
    stream.prependListener('resize', correct)
  }
}

/**
 * Handles errors of the standard streams before oclif does, which throws those it does not know and hangs after a
 * closed pipe. A reader that has seen enough (`| head`) is not a failure; output that cannot be written is.
 */
export function guardStandardStreams(): void {
  correctColumns()
  process.stdout.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    // The terminal was closed, and a write failed before the signal arrived.
    if (error.code === 'EIO' && process.stdout.isTTY) process.exit(exitCodeOf('SIGHUP'))
    process.stderr.write(`Error: cannot write to standard output: ${error.message}\n`)
    process.exit(1)
  })
  // Unread progress is not worth stopping for.
  process.stderr.on('error', () => {})
}
