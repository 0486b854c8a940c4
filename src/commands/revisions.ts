import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {showRevisions} from '../cli/show-deploy.ts'
import {revisions, type ListedRevision} from '../core/revisions.ts'

interface Revisions {
  readonly revisions: readonly ListedRevision[]
  readonly truncated: boolean
}

export default class RevisionsCommand extends CloudRunnerCommand {
  static override summary = "List the worker's revisions with age, image, traffic and tags."
  static override examples = [
    {description: 'The newest ones', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --limit 100 --json'},
  ]
  static override flags = {
    limit: Flags.integer({
      summary: 'List at most this many revisions, newest first.',
      default: 20,
      min: 1,
      helpValue: '<n>',
    }),
  }

  override async run(): Promise<Revisions> {
    const {flags} = await this.parse(RevisionsCommand)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const result = await revisions({limit: flags.limit}, target.context())
    this.print(showRevisions(result, Date.now()))
    return result
  }
}
