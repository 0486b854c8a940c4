import {Args, Flags} from '@oclif/core'

import {confirmMany, MOST_UNASKED} from '../cli/confirm.ts'
import {usageError} from '../cli/failure.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showReprocessed} from '../cli/show-requeued.ts'
import {checkWaitFlags, waitFlags, type Waited, WaitingCommand} from '../cli/wait.ts'
import {chooseFiles, reprocess, type ReprocessResult} from '../core/reprocess.ts'

type Reprocessed = ReprocessResult & Partial<Waited>

export default class Reprocess extends WaitingCommand {
  static override summary =
    'Have files processed again that are in the input bucket: named ones, failed ones, or forgotten ones.'
  static override description = `Publishes a new notification for each; nothing is uploaded again. Results stay until the new ones take their place. --missing is for files that wait although no delivery was ever seen, as when an event was lost. Exit codes with --wait: 0 where all have a result, 3 where a file failed for good, 124 where --timeout ran out.`
  static override examples = [
    {
      description: 'One file, by the worker as it is now',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --wait',
    },
    {
      description: 'All that failed, after the worker was mended',
      command: '<%= config.bin %> <%= command.id %> --failed',
    },
    {
      description: 'All whose event was lost',
      command: '<%= config.bin %> <%= command.id %> --missing --yes --json',
    },
  ]
  static override args = {
    object: Args.string({description: 'name of an object', multiple: true, ignoreStdin: true}),
  }
  static override flags = {
    failed: Flags.boolean({summary: 'All files that failed for good.', default: false}),
    missing: Flags.boolean({
      summary: 'All files that wait and of which no delivery was seen.',
      default: false,
    }),
    yes: Flags.boolean({summary: `Do not ask, however many there are (asked above ${MOST_UNASKED}).`}),
    ...waitFlags,
  }

  override async run(): Promise<Reprocessed> {
    const {args, flags} = await this.parse(Reprocess)
    checkWaitFlags(flags)
    const {failed, missing} = flags
    const objects = args.object === undefined ? [] : [args.object].flat()
    if (objects.length > 0 === (failed || missing)) {
      throw usageError('Say which files: either their names, or --failed, --missing or both.', [
        `For example: ${this.config.bin} reprocess --failed`,
      ])
    }
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const files = await chooseFiles(objects.length > 0 ? {objects} : {failed, missing}, target.context())
    if (objects.length === 0) {
      await confirmMany(files.length, {
        given: flags.yes,
        consequences: [`${counted(files.length, 'file')} will be processed again.`],
        command: `${this.config.bin} reprocess${failed ? ' --failed' : ''}${missing ? ' --missing' : ''} --yes`,
        interactive: !this.jsonEnabled(),
        signal: this.signal,
      })
    }
    const sent = await this.task(`Reprocess ${counted(files.length, 'file')}`, (step) =>
      reprocess(files, target.context(progressOf(step, files.length).through)),
    )
    this.print(showReprocessed(sent))
    if (!flags.wait || sent.notified.length === 0) return sent
    return {...sent, ...(await this.results(sent.notified, flags.timeout, target))}
  }
}
