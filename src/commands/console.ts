import {once} from 'node:events'

import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {failureOf} from '../cli/failure.ts'
import {openInBrowser} from '../cli/targets.ts'
import {AppError} from '../core/errors.ts'

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
    port: Flags.integer({
      summary: 'Port on 127.0.0.1. The default is any free one.',
      default: 0,
      min: 0,
      max: 65_535,
      helpValue: '<n>',
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
    const {serveConsole} = await import('../console/server.ts')
    await using console = await serveConsole({
      port: flags.port,
      context: target.context(),
      render: this.render,
      isProtected: config.isProtected,
      explain: (error) => failureOf(error, {bin: this.config.bin, typed: this.typed}),
      version: this.config.version,
    })
    const {address} = console
    if (this.jsonEnabled()) process.stdout.write(`${this.inJson({address})}\n`)
    this.print([`Console: ${address}`, 'Press Ctrl-C to end it.'])
    const isInteractive = process.stdout.isTTY && !process.env['CI'] && !this.jsonEnabled()
    if (flags.open ?? isInteractive)
      await openInBrowser(address, process.env).catch((error: unknown) => {
        if (flags.open) throw error
        // Nobody asked for a browser, and over SSH there is none.
        this.explain(['No browser opened: open the address yourself.'])
      })
    if (!this.signal.aborted) await once(this.signal, 'abort')
    const {reason}: {reason?: unknown} = this.signal
    if (reason instanceof AppError) process.exitCode = reason.exitCode
  }
}
