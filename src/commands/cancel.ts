import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {confirmMany, MOST_UNASKED} from '../cli/confirm.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showCancelled} from '../cli/show-requeued.ts'
import {cancel, type CancelResult} from '../core/cancel/cancel.ts'

export default class Cancel extends CloudRunnerCommand {
  static override summary = 'Stop processing files: those that run, and those that wait.'
  static override description = `A file in progress stops within seconds and is then failed, with the code "cancelled"; a waiting file is not started. A job that has the file is cancelled. Results that exist are kept, and reprocess runs a cancelled file again. A worker without cloud-runner's runtime may finish what it has begun; its result then counts. Exit codes: 0 if nothing runs for these files any more, 1 if one could not be stopped.`
  static override examples = [
    {
      description: 'A file that takes too long',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'Stop it, and run it again by the worker as it is now',
      command:
        '<%= config.bin %> <%= command.id %> june.csv && <%= config.bin %> deploy && <%= config.bin %> reprocess june.csv',
    },
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> june.csv july.csv --yes --json',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    yes: Flags.boolean({summary: `Do not ask, however many there are (asked above ${MOST_UNASKED}).`}),
  }

  override async run(): Promise<CancelResult> {
    const {args, flags} = await this.parse(Cancel)
    const objects = [...new Set([args.object].flat())]
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    await confirmMany(objects.length, {
      given: flags.yes,
      consequences: [`Processing of ${counted(objects.length, 'file')} will be stopped.`],
      command: `${this.config.bin} cancel OBJECT… --yes`,
      interactive: !this.jsonEnabled(),
      signal: this.signal,
    })
    const result = await this.task(`Cancel ${counted(objects.length, 'file')}`, (step) =>
      cancel(objects, target.context(progressOf(step, objects.length).through)),
    )
    this.print(showCancelled(result))
    return result
  }
}
