import {Args, Flags} from '@oclif/core'

import {confirmMany, MOST_UNASKED} from '../cli/confirm.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showRedriven} from '../cli/show-requeued.ts'
import {checkWaitFlags, waitFlags, type Waited, WaitingCommand} from '../cli/wait.ts'
import {planRedrive, redrive, type RedriveResult} from '../core/redrive.ts'
import {again} from '../core/suggestion.ts'

type Redriven = RedriveResult & Partial<Waited>

export default class Redrive extends WaitingCommand {
  static override summary = 'Send dead letters back to the worker, all or by file.'
  static override description = `For files that used up their delivery attempts, once the cause is fixed. A dead letter is removed only after its notification is published again, so nothing is lost. Exit codes with --wait: 0 if every file has a result, 3 if one failed permanently, 124 if --timeout expired.`
  static override examples = [
    {description: 'All dead letters', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'One file, waiting for its result',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --wait --timeout 5m',
    },
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --yes --json'},
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object, a folder/ or a glob (default: all dead letters)',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    yes: Flags.boolean({summary: `Skip the confirmation for more than ${MOST_UNASKED} files.`}),
    ...waitFlags,
  }

  protected override readonly isChange = true

  override async run(): Promise<Redriven> {
    const {args, flags} = await this.parse(Redrive)
    checkWaitFlags(flags)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const named = [args.object ?? []].flat()
    const objects = await planRedrive(named, target.context())
    if (objects.some((object) => !named.includes(object))) {
      await confirmMany(objects.length, {
        given: flags.yes,
        consequences: [`${counted(objects.length, 'file')} will be sent back to the worker.`],
        command: again('--yes'),
        interactive: !this.jsonEnabled(),
        signal: this.signal,
      })
    }
    const sent =
      objects.length === 0
        ? {redriven: [], gone: []}
        : await this.task(`Redrive ${counted(objects.length, 'file')}`, (step) =>
            redrive(objects, target.context(progressOf(step, objects.length).finished)),
          )
    this.print(showRedriven(sent))
    if (!flags.wait || sent.redriven.length === 0) return sent
    return {...sent, ...(await this.results(sent.redriven, flags.timeout, target))}
  }
}
