import {Listr, ListrLogger, ProcessOutput} from 'listr2'

import {tame} from './format.ts'
import {isDisplay} from './progress.ts'

/** Logs to standard error, which carries only progress; main prints the message of a failure. */
class ProgressLogger extends ListrLogger {
  override log(...[level, message, options]: Parameters<ListrLogger['log']>): void {
    const line = level === 'FAILED' ? this.format(level, message) : this.format(level, message, options)
    this.process.toStderr(line)
  }
}

const plain = (text?: string): string => text ?? ''

/**
 * Does one piece of work under a title, with progress on standard error: a spinner with the current step on a
 * terminal, one line per step elsewhere, nothing if `silent`.
 * @param work receives `step`, to say in a few words what it is doing
 * @returns what `work` returns; throws what it throws
 */
export async function runTask<R>(
  title: string,
  options: {
    readonly silent: boolean
    /** Whether a returned result is a failure: it is marked as one, but still returned. */
    readonly isFailed?: ((result: R) => boolean) | undefined
  },
  work: (step: (text: string) => void) => Promise<R>,
): Promise<R> {
  let outcome: {readonly value: R} | undefined
  const logger = new ProgressLogger({
    useIcons: true,
    processOutput: new ProcessOutput(process.stderr, process.stderr, {leaveEmptyLine: false}),
  })
  const colors = {STARTED: plain, COMPLETED: plain, FAILED: plain, OUTPUT: plain}
  const tasks = new Listr(
    [
      {
        title: tame(title),
        task: async (_context, task) => {
          const value = await work((text) => {
            task.output = tame(text)
          })
          outcome = {value}
          if (options.isFailed?.(value)) throw new Error(title)
        },
      },
    ],
    {
      silentRendererCondition: () => options.silent,
      fallbackRenderer: 'simple',
      fallbackRendererCondition: () => !isDisplay(),
      fallbackRendererOptions: {logger, color: colors},
      registerSignalListeners: false,
      rendererOptions: {logger, showErrorMessage: false, collapseErrors: false},
    },
  )
  await tasks.run().catch((error: unknown) => {
    if (!outcome) throw error
  })
  if (!outcome) throw new Error(`"${title}" ended without a result.`)
  return outcome.value
}
