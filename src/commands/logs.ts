import {Args, Flags} from '@oclif/core'

import {durationFlag, wholeNumberFlag} from '../cli/flags.ts'
import {ReadOnlyCommand, type ByPipeline} from '../cli/read-only.ts'
import {showLogLine} from '../cli/show-logs.ts'
import type {Config} from '../core/config.ts'
import {DEFAULT_LIMIT, logs, TAIL_HISTORY} from '../core/logs.ts'
import type {LogLine} from '../core/ports/logs.ts'

interface ShownLogs {
  readonly lines: readonly LogLine[]
}

const SEVERITIES = ['debug', 'info', 'notice', 'warning', 'error', 'critical']

export default class Logs extends ReadOnlyCommand {
  static override summary = "Show the worker's logs for one file or all."
  static override description = `With --tail, prints new lines until Ctrl-C, with --json one JSON object per line. With several pipelines, --tail follows only one, which you choose.`
  static override examples = [
    {
      description: 'Everything logged about a file',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'The last 50 lines of all files, then new ones',
      command: '<%= config.bin %> <%= command.id %> --tail -n 50',
    },
    {
      description: 'Recent errors',
      command: '<%= config.bin %> <%= command.id %> --since 10m --severity error',
    },
  ]
  static override args = {
    object: Args.string({description: 'name of an object (default: all)', ignoreStdin: true}),
  }
  static override flags = {
    tail: Flags.boolean({
      char: 'f',
      aliases: ['follow'],
      summary: 'Keep printing new lines as they arrive; --follow is the same.',
    }),
    since: durationFlag({summary: 'How far back to look.'}),
    severity: Flags.string({summary: 'Lowest severity to show.', options: SEVERITIES}),
    limit: wholeNumberFlag({
      char: 'n',
      summary: `Show only the newest lines: ${DEFAULT_LIMIT} by default, ${TAIL_HISTORY} before new ones with --tail.`,
      min: 1,
    }),
  }
  protected override readonly interruptHint = undefined

  override async run(): Promise<ShownLogs | ByPipeline<ShownLogs> | undefined> {
    const {args, flags} = await this.parse(Logs)
    const {object} = args
    const {severity, since: sinceMs, tail, limit} = flags
    const show = (line: LogLine) => showLogLine(line, {withObject: object === undefined})
    const linesOf = async (config: Config): Promise<ShownLogs> => {
      await using target = await this.open(config, {create: false})
      const lines: LogLine[] = []
      for await (const line of logs({object, severity, sinceMs, tail, limit}, target.context())) {
        if (!tail) lines.push(line)
        else if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(line)}\n`)
        else this.print([show(line)])
      }
      this.signal.throwIfAborted()
      this.print(lines.map(show))
      return {lines}
    }
    if (!tail) return this.lookAt(flags, linesOf)
    // Lines of several pipelines would mix.
    await linesOf(await this.configure(flags))
    return undefined
  }
}
