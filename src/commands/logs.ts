import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {durationFlag} from '../cli/flags.ts'
import {showLogLine} from '../cli/show-logs.ts'
import {logs} from '../core/logs.ts'
import type {LogLine} from '../core/ports/logs.ts'

const SEVERITIES = ['debug', 'info', 'notice', 'warning', 'error', 'critical']

export default class Logs extends CloudRunnerCommand {
  static override summary = "Show the worker's logs for one file or all."
  static override description = `With --tail, new lines follow until Ctrl-C; with --json as well, each is one line of JSON.`
  static override examples = [
    {
      description: 'Everything logged about a file',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {description: 'Follow all files', command: '<%= config.bin %> <%= command.id %> --tail'},
    {
      description: 'Recent errors',
      command: '<%= config.bin %> <%= command.id %> --since 10m --severity error',
    },
  ]
  static override args = {
    object: Args.string({description: 'name of an object (default: all)', ignoreStdin: true}),
  }
  static override flags = {
    tail: Flags.boolean({char: 'f', summary: 'Keep printing new lines as they arrive.'}),
    since: durationFlag({summary: 'How far back to look.'}),
    severity: Flags.string({summary: 'Lowest severity to show.', options: SEVERITIES}),
    limit: Flags.integer({
      summary: 'Show at most this many lines, the newest.',
      default: 1000,
      min: 1,
      helpValue: '<n>',
    }),
  }
  protected override readonly interruptHint = undefined

  override async run(): Promise<{lines: readonly LogLine[]} | undefined> {
    const {args, flags} = await this.parse(Logs)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const {object} = args
    const {severity, since: sinceMs, tail, limit} = flags
    const lines: LogLine[] = []
    for await (const line of logs({object, severity, sinceMs, tail, limit}, target.context())) {
      if (!tail) lines.push(line)
      else if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(line)}\n`)
      else this.print([showLogLine(line, {withObject: object === undefined})])
    }
    this.signal.throwIfAborted()
    if (tail) return undefined
    this.print(lines.map((line) => showLogLine(line, {withObject: object === undefined})))
    return {lines}
  }
}
