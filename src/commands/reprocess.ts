import {Args, Flags} from '@oclif/core'

import {confirmMany, MOST_UNASKED} from '../cli/confirm.ts'
import {usageError} from '../cli/failure.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showReprocessed} from '../cli/show-requeued.ts'
import {checkWaitFlags, waitFlags, type Waited, WaitingCommand} from '../cli/wait.ts'
import {chooseFiles, reprocess, type ReprocessResult} from '../core/reprocess.ts'
import {again, command, suggest} from '../core/suggestion.ts'

type Reprocessed = ReprocessResult & Partial<Waited>

export default class Reprocess extends WaitingCommand {
  static override summary = 'Process files again: by name, all failed ones, or all missed ones.'
  static override description = `Publishes a new notification for each file in the input bucket; nothing is uploaded again; an archived file is copied back. Results stay until new ones replace them. --missing is for waiting files that were never delivered, for example because an event was lost. Exit codes with --wait: 0 if every file has a result, 3 if one failed permanently, 124 if --timeout expired.`
  static override examples = [
    {
      description: 'One file, with the current worker',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --wait',
    },
    {
      description: 'All files of a folder',
      command: '<%= config.bin %> <%= command.id %> reports/',
    },
    {
      description: 'All failed files, after a fix to the worker',
      command: '<%= config.bin %> <%= command.id %> --failed',
    },
    {
      description: 'All files whose event was lost',
      command: '<%= config.bin %> <%= command.id %> --missing --yes --json',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object, a folder/ or a glob',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    failed: Flags.boolean({summary: 'All files that failed permanently.', default: false}),
    missing: Flags.boolean({
      summary: 'All waiting files that were never delivered.',
      default: false,
    }),
    yes: Flags.boolean({summary: `Skip the confirmation for more than ${MOST_UNASKED} files.`}),
    ...waitFlags,
  }

  protected override readonly isChange = true

  override async run(): Promise<Reprocessed> {
    const {args, flags} = await this.parse(Reprocess)
    checkWaitFlags(flags)
    const {failed, missing} = flags
    const objects = [args.object ?? []].flat()
    if (objects.length > 0 === (failed || missing)) {
      throw usageError('Name the files, or give --failed, --missing or both.', [
        suggest`For example: ${command('reprocess', '--failed')}`,
      ])
    }
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const files = await chooseFiles(objects.length > 0 ? {objects} : {failed, missing}, target.context())
    if (files.some(({object}) => !objects.includes(object))) {
      await confirmMany(files.length, {
        given: flags.yes,
        consequences: [`${counted(files.length, 'file')} will be processed again.`],
        command: again('--yes'),
        interactive: !this.jsonEnabled(),
        signal: this.signal,
      })
    }
    const sent = await this.task(`Reprocess ${counted(files.length, 'file')}`, (step) =>
      reprocess(files, target.context(progressOf(step, files.length).finished)),
    )
    this.print(showReprocessed(sent))
    if (!flags.wait || sent.notified.length === 0) return sent
    return {...sent, ...(await this.results(sent.notified, flags.timeout, target))}
  }
}
