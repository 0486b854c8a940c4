import {exitCodeOf} from './signals.ts'

/** A terminal that was never told its size has 0 columns; nothing can be read on one with fewer than these. */
const LEAST_COLUMNS = 20
const USUAL_COLUMNS = 80

/** Has the standard streams tell a width that can be written to, for us and for libraries that wrap lines. */
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
 * Takes errors of the standard streams before oclif does, which throws those that it does not know and never
 * finishes after a closed pipe. A reader that has seen enough (`| head`) is no failure; output that cannot be
 * written is one.
 */
export function guardStandardStreams(): void {
  correctColumns()
  process.stdout.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    // The terminal was closed, and a write met that before the signal came.
    if (error.code === 'EIO' && process.stdout.isTTY) process.exit(exitCodeOf('SIGHUP'))
    process.stderr.write(`Error: standard output cannot be written: ${error.message}\n`)
    process.exit(1)
  })
  // Progress that nobody reads is no reason to stop.
  process.stderr.on('error', () => {})
}
