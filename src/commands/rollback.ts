import {Args} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {confirmFlag} from '../cli/flags.ts'
import {showRollback} from '../cli/show-deploy.ts'
import {rollback, type RollbackResult} from '../core/rollback.ts'

export default class Rollback extends CloudRunnerCommand {
  static override summary = 'Move traffic back to the previous revision, or to a named one.'
  static override description = `Changes only the traffic: nothing is built, and files in progress finish on the revision that started them. During a canary, the revision with most of the traffic gets all of it. Revisions that were only tried, as a canary or by tag, are skipped. The next deploy starts from there.`
  static override examples = [
    {description: 'The previous revision', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'A specific one',
      command: '<%= config.bin %> <%= command.id %> cloud-runner-00003-abc',
    },
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json'},
  ]
  static override args = {
    revision: Args.string({
      description: 'name of a revision (default: the previous one)',
      ignoreStdin: true,
    }),
  }

  static override flags = {confirm: confirmFlag}

  protected override readonly isChange = true

  override async run(): Promise<RollbackResult> {
    const {args, flags} = await this.parse(Rollback)
    const config = await this.configure(flags)
    await this.agreeToChange(config, flags.confirm)
    await using target = await this.open(config, {create: false})
    const result = await this.task('Roll back', (step) =>
      rollback({revision: args.revision}, target.context(step)),
    )
    this.print(showRollback(result, this.render))
    return result
  }
}
