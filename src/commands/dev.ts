import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {openConsolePage} from '../cli/console-page.ts'
import {failureOf, usageError} from '../cli/failure.ts'
import {confirmFlag} from '../cli/flags.ts'
import {isInForeground, listenToKeys} from '../cli/keys.ts'
import {localCloudOf, type OpenTarget} from '../cli/targets.ts'
import {showDevEvent} from '../cli/show-dev.ts'
import {runningConsole} from '../console/running.ts'
import type {RunningConsole} from '../console/server.ts'
import type {Config} from '../core/config.ts'
import {DEBUGGERS} from '../core/command-worker/build.ts'
import {dev} from '../core/dev/dev.ts'
import {AppError} from '../core/errors.ts'
import {planPipelineModel} from '../core/model/plan-model.ts'
import {command, suggest} from '../core/suggestion.ts'

export default class Dev extends CloudRunnerCommand {
  static override summary = 'Run the worker on this machine, redeployed whenever you save.'
  static override description = `Creates the pipeline on the local target and stays in the foreground: every save in the worker's folder is built and deployed, and the worker's log and the state of the files are shown live. On a terminal, the key c opens the console. A version that does not build or start leaves the previous one in place. Ctrl-C stops what this command started; a local cloud that was already running keeps running. With --json, each event is one line of JSON.`
  static override examples = [
    {
      description: 'With a worker created by init',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'Reprocess failed files with each new version',
      command: '<%= config.bin %> <%= command.id %> --reprocess',
    },
    {
      description: 'Stop at breakpoints, with an editor attached to the address in the log',
      command: '<%= config.bin %> <%= command.id %> --inspect',
    },
  ]
  static override flags = {
    reprocess: Flags.boolean({
      summary: 'Reprocess failed or refused files after each new version.',
      default: false,
    }),
    inspect: Flags.boolean({
      summary: "Start Node's debugger in each instance; the log shows its address. No deadline applies.",
      exclusive: ['debugpy'],
    }),
    debugpy: Flags.boolean({
      summary:
        'Start debugpy in each instance of a Python worker; the log shows its address. No deadline applies.',
    }),
    confirm: confirmFlag,
    yes: Flags.boolean({summary: 'Do not ask before replacing a different worker.'}),
  }
  protected override readonly isForNew = true
  protected override interruptHint = 'Stopping. Ctrl-C again ends at once.'
  /** Workers have ten seconds to finish their files. */
  protected override graceMs = 30_000

  override async run(): Promise<void> {
    const {flags} = await this.parse(Dev)
    if (flags.target === 'gcp') {
      throw usageError('dev runs on this machine only; on Google Cloud, deploy the worker.', [
        suggest`Type: ${command('deploy', '--target', 'gcp')}`,
      ])
    }
    const config = await this.configure({...flags, target: 'local'})
    await this.agreeToChange(config, flags.confirm)
    const model = await planPipelineModel(config)
    const local = localCloudOf(config)
    const wasRunning = (await local.status()) !== undefined
    try {
      await using target = await this.open(config, {create: true})
      const {workerFolder} = config
      await this.agreeTo({workerFolder}, flags, target)
      if (workerFolder === undefined)
        this.print([
          this.render(
            suggest`No worker of your own is set, so there is nothing to rebuild. Create one: ${command('init')}`,
          ),
        ])
      await using held = new AsyncDisposableStack()
      held.use(this.#offerConsole(config, target))
      await dev(
        {
          workerFolder,
          model,
          reprocess: flags.reprocess,
          debug: DEBUGGERS.find((name) => flags[name]),
          onEvent: (event) => {
            if (this.jsonEnabled()) process.stdout.write(`${this.inJson(event)}\n`)
            else this.print(showDevEvent(event, Date.now()))
          },
        },
        target.context(),
      )
    } catch (error) {
      if (!this.signal.aborted) throw error
    } finally {
      if (!wasRunning) await this.task('Stop the local cloud; files and results stay', () => local.stop())
    }
    const {reason}: {reason?: unknown} = this.signal
    if (reason instanceof AppError) process.exitCode = reason.exitCode
  }

  /** On a terminal, serves and opens the console when its key is pressed. */
  #offerConsole(config: Config, target: OpenTarget): AsyncDisposable {
    const isOffered = process.stdin.isTTY && process.stdout.isTTY && !this.jsonEnabled() && isInForeground()
    let served: Promise<RunningConsole> | undefined
    const show = async () => {
      const context = target.context()
      const address =
        (await runningConsole(context)) ?? (await (served ??= this.serveConsole(config, target))).address
      this.print([`Console: ${address}`])
      await openConsolePage(address, '/', context)
    }
    const tryToShow = () =>
      show().catch((error: unknown) => {
        const {message, suggestions} = failureOf(error, {bin: this.config.bin, typed: this.typed})
        this.explain([message, ...suggestions.map((line) => `  ${line}`)])
      })
    const keys = isOffered ? listenToKeys({c: () => void tryToShow()}) : undefined
    if (isOffered) this.print(['Press c for the console, Ctrl-C to stop.'])
    return {
      async [Symbol.asyncDispose]() {
        keys?.[Symbol.dispose]()
        await (await served?.catch(() => undefined))?.[Symbol.asyncDispose]()
      },
    }
  }
}
