/**
 * Takes errors of the standard streams before oclif does, which throws those that it does not know and never
 * finishes after a closed pipe. A reader that has seen enough (`| head`) is no failure; output that cannot be
 * written is one.
 */
export function guardStandardStreams(): void {
  process.stdout.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    process.stderr.write(`Error: standard output cannot be written: ${error.message}\n`)
    process.exit(1)
  })
  // Progress that nobody reads is no reason to stop.
  process.stderr.on('error', () => {})
}
