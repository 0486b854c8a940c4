import {Args, Flags} from '@oclif/core'

import {wholeNumberFlag} from '../cli/flags.ts'
import {openConsolePage, pageFor, visitConsole} from '../cli/console-page.ts'
import {ReadOnlyCommand, type ByPipeline} from '../cli/read-only.ts'
import {hopTable} from '../cli/show-files.ts'
import {usageError} from '../cli/failure.ts'
import {showStatus} from '../cli/show-pipeline.ts'
import {Changes, redraw, screenOf, sizeOf} from '../cli/show-watch.ts'
import type {OpenTarget} from '../cli/targets.ts'
import {runningConsole} from '../console/running.ts'
import type {Config} from '../core/config.ts'
import {FILE_STATES} from '../core/files/files.ts'
import {again, command, suggest, type Command} from '../core/suggestion.ts'
import {status, type Status as PipelineAndFiles, type StatusRequest} from '../core/status.ts'
import {watchStatus} from '../core/watch-status.ts'

export default class Status extends ReadOnlyCommand {
  static override summary = 'Show the pipeline and the state of its files.'
  static override description = `A file is waiting, running, done, failed, dead (its delivery attempts are used up) or ignored (the filter excludes it). The input bucket is compared with the results by generation, so the states are right even if an event was lost. Failed and dead files come first, then open ones, the newest first of each. --watch redraws the screen, with as many files as fit; if the output is not a terminal, it prints one line for each change. It continues if the cloud does not answer for a while. If cloud-runner.json declares several pipelines or environments and none is chosen, all are shown; with --json as {"pipelines": {NAME: …}}.`
  static override examples = [
    {description: 'The pipeline and its newest files', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'One file, with its path hop by hop',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'What went wrong in a folder',
      command: '<%= config.bin %> <%= command.id %> reports/ --failed',
    },
    {
      description: 'What happens now, until Ctrl-C',
      command: '<%= config.bin %> <%= command.id %> --watch',
    },
    {
      description: 'One file in the console, in the browser',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --open',
    },
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json'},
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object, a folder/ or a glob (default: all)',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    failed: Flags.boolean({summary: 'List only failed and dead files.', default: false}),
    state: Flags.option({
      summary: 'List only files in this state (repeatable).',
      multiple: true,
      options: FILE_STATES,
    })(),
    prefix: Flags.string({summary: 'Only files whose names start with this text.', helpValue: '<text>'}),
    watch: Flags.boolean({char: 'w', summary: 'Keep showing the current state, until Ctrl-C.'}),
    open: Flags.boolean({
      summary:
        'Show the file, or the filtered list, in the console. If none is running, serve it until Ctrl-C.',
      exclusive: ['watch', 'json', 'limit', 'after'],
    }),
    limit: wholeNumberFlag({
      summary: 'List at most this many files.',
      default: 50,
      min: 1,
    }),
    after: Flags.string({
      summary: "Continue from the position on the previous page's last line.",
      helpValue: '<page>',
    }),
  }

  override async run(): Promise<PipelineAndFiles | ByPipeline<PipelineAndFiles>> {
    const {args, flags} = await this.parse(Status)
    if (flags.open) this.interruptHint = undefined
    const objects = [args.object ?? []].flat()
    const {prefix, limit, after} = flags
    const states = [...(flags.state ?? []), ...(flags.failed ? (['failed', 'dead'] as const) : [])]
    const request = {objects, prefix, states, limit, after}
    const isFiltered = objects.length > 0 || prefix !== undefined || states.length > 0
    if (flags.watch) {
      if (this.jsonEnabled()) {
        throw usageError('--watch shows changes to people; --json prints one state.', [
          suggest`For a script: ${command('status', '--json')}`,
        ])
      }
      // Several pipelines would not fit on one screen.
      return this.#watch(request, await this.configure(flags))
    }
    const look = async (config: Config): Promise<PipelineAndFiles> => {
      await using target = await this.open(config, {create: false})
      const result = await status(request, target.context())
      const [only] = result.files
      const page = flags.open
        ? pageFor(
            request,
            result.files.map(({object}) => object),
          )
        : undefined
      const hops = objects.length === 1 && only && result.total === 1 ? ['', ...hopTable(only.hops)] : []
      const shown = showStatus(result, target.now(), this.render, {nextPage: nextPage(result), isFiltered})
      this.print([...shown, ...hops])
      if (page !== undefined) await this.#showPage(page, config, target)
      return result
    }
    return flags.open ? look(await this.configure(flags)) : this.lookAt(flags, look)
  }

  async #showPage(path: string, config: Config, target: OpenTarget): Promise<void> {
    const context = target.context()
    const running = await runningConsole(context)
    if (running !== undefined) return openConsolePage(running, path, context)
    await using console = await this.serveConsole(config, target)
    await visitConsole(console, {
      path,
      open: true,
      showsToken: process.stdout.isTTY,
      json: false,
      context,
      print: (lines) => this.print(lines),
      explain: (lines) => this.explain(lines),
    })
  }

  async #watch(request: StatusRequest, config: Config): Promise<never> {
    this.interruptHint = undefined
    await using target = await this.open(config, {create: false})
    const {stdout} = process
    const changes = new Changes(this.render, target.now())
    const limit = stdout.isTTY ? Math.min(request.limit, sizeOf(stdout).rows) : request.limit
    for await (const look of watchStatus({...request, limit}, target.context())) {
      if (stdout.isTTY) redraw(screenOf(look, target.now(), this.render, sizeOf(stdout)), stdout)
      else this.print(changes.in(look))
    }
    throw new TypeError('a watch ends by its signal')
  }
}

function nextPage({next}: PipelineAndFiles): Command | undefined {
  return next === undefined ? undefined : again('--after', next)
}
