import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {confirmMany, MOST_UNASKED} from '../cli/confirm.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showCancelled} from '../cli/show-requeued.ts'
import {cancel, planCancel, type CancelResult} from '../core/cancel.ts'
import {again} from '../core/suggestion.ts'

export default class Cancel extends CloudRunnerCommand {
  static override summary = 'Stop processing files, running or waiting.'
  static override description = `A file in progress stops within seconds and counts as failed, with the code "cancelled"; a waiting file is not started. A job that is processing the file is cancelled. Existing results are kept; reprocess runs a cancelled file again. A worker without cloud-runner's runtime may finish the file; its result then counts. Exit codes: 0 if nothing is processing these files any more, 1 if one could not be stopped.`
  static override examples = [
    {
      description: 'A file that takes too long',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'Stop it, deploy the fixed worker, and run it again',
      command:
        '<%= config.bin %> <%= command.id %> june.csv && <%= config.bin %> deploy && <%= config.bin %> reprocess june.csv',
    },
    {
      description: 'All of a folder that waits or runs',
      command: '<%= config.bin %> <%= command.id %> reports/',
    },
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> june.csv july.csv --yes --json',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object, a folder/ or a glob',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    yes: Flags.boolean({summary: `Skip the confirmation for more than ${MOST_UNASKED} files.`}),
  }

  protected override readonly isChange = true

  override async run(): Promise<CancelResult> {
    const {args, flags} = await this.parse(Cancel)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const objects = await planCancel([args.object].flat(), target.context())
    await confirmMany(objects.length, {
      given: flags.yes,
      consequences: [`Processing of ${counted(objects.length, 'file')} will be stopped.`],
      command: again('--yes'),
      interactive: !this.jsonEnabled(),
      signal: this.signal,
    })
    const result = await this.task(`Cancel ${counted(objects.length, 'file')}`, (step) =>
      cancel(objects, target.context(progressOf(step, objects.length).finished)),
    )
    this.print(showCancelled(result, this.render))
    return result
  }
}
