import {Flags} from '@oclif/core'

import {wholeNumberFlag} from '../cli/flags.ts'
import {CloudRunnerCommand} from '../cli/base.ts'
import {visitConsole} from '../cli/console-page.ts'

export default class Console extends CloudRunnerCommand {
  static override summary = 'See and fix the pipeline on a page of this machine.'
  static override description = `Serves a page on 127.0.0.1 for either target, until Ctrl-C: the list of files as it changes, the path of each file attempt by attempt, logs, revisions and their traffic, and the pipeline's parts. Files can be reprocessed, redriven and cancelled there, one by one or by filter; each button shows the command that does the same. The address that it prints has a secret token: it opens the page for you alone. With --json, the address is one line of JSON.`
  static override examples = [
    {description: 'Open it in the browser', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'On a port of your choice, for a tunnel from another machine',
      command: '<%= config.bin %> <%= command.id %> --port 8090 --no-open',
    },
  ]
  static override flags = {
    port: wholeNumberFlag({
      summary: 'Port on 127.0.0.1. The default is any free one.',
      default: 0,
      min: 0,
      max: 65_535,
    }),
    open: Flags.boolean({
      summary: 'Open the page in the browser. The default on a terminal, except under CI.',
      allowNo: true,
    }),
  }
  protected override readonly interruptHint = undefined

  override async run(): Promise<void> {
    const {flags} = await this.parse(Console)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    await using console = await this.serveConsole(config, target, flags.port)
    await visitConsole(console, {
      path: '/',
      open: flags.open,
      showsToken: true,
      json: this.jsonEnabled(),
      context: target.context(),
      print: (lines) => this.print(lines),
      explain: (lines) => this.explain(lines),
    })
  }
}
