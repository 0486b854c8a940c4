import {Args, Flags} from '@oclif/core'

import {confirmMany, MOST_UNASKED} from '../cli/confirm.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import {showRedriven} from '../cli/show-requeued.ts'
import {checkWaitFlags, waitFlags, type Waited, WaitingCommand} from '../cli/wait.ts'
import {planRedrive, redrive, type RedriveResult} from '../core/redrive.ts'

type Redriven = RedriveResult & Partial<Waited>

export default class Redrive extends WaitingCommand {
  static override summary = 'Send dead letters back to the worker: all of them, or those of some files.'
  static override description = `For files whose delivery was tried to the last attempt, once the reason is mended. A dead letter is removed only when its notification is published again, so nothing is lost on the way. Exit codes with --wait: 0 where all have a result, 3 where a file failed for good, 124 where --timeout ran out.`
  static override examples = [
    {description: 'All dead letters', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'One file, and its result awaited',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --wait --timeout 5m',
    },
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --yes --json'},
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object; all dead letters where none is named',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    yes: Flags.boolean({summary: `Do not ask, however many there are (asked above ${MOST_UNASKED}).`}),
    ...waitFlags,
  }

  override async run(): Promise<Redriven> {
    const {args, flags} = await this.parse(Redrive)
    checkWaitFlags(flags)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const named = args.object === undefined ? [] : [args.object].flat()
    const objects = await planRedrive(named, target.context())
    if (named.length === 0) {
      await confirmMany(objects.length, {
        given: flags.yes,
        consequences: [`${counted(objects.length, 'file')} will be sent back to the worker.`],
        command: `${this.config.bin} redrive --yes`,
        interactive: !this.jsonEnabled(),
        signal: this.signal,
      })
    }
    const sent = await this.task(`Redrive ${counted(objects.length, 'file')}`, (step) =>
      redrive(objects, target.context(progressOf(step, objects.length).through)),
    )
    this.print(showRedriven(sent))
    if (!flags.wait || sent.redriven.length === 0) return sent
    return {...sent, ...(await this.results(sent.redriven, flags.timeout, target))}
  }
}
