import {wholeNumberFlag} from '../cli/flags.ts'
import {ReadOnlyCommand, type ByPipeline} from '../cli/read-only.ts'
import {showRevisions} from '../cli/show-deploy.ts'
import {revisions, type ListedRevision} from '../core/revisions.ts'

interface Revisions {
  readonly revisions: readonly ListedRevision[]
  readonly truncated: boolean
}

export default class RevisionsCommand extends ReadOnlyCommand {
  static override summary = "List the worker's revisions with age, image, traffic and tags."
  static override examples = [
    {description: 'The newest ones', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --limit 100 --json'},
  ]
  static override flags = {
    limit: wholeNumberFlag({
      summary: 'List at most this many revisions, newest first.',
      default: 20,
      min: 1,
    }),
  }

  override async run(): Promise<Revisions | ByPipeline<Revisions>> {
    const {flags} = await this.parse(RevisionsCommand)
    return this.lookAt(flags, async (config) => {
      await using target = await this.open(config, {create: false})
      const result = await revisions({limit: flags.limit}, target.context())
      this.print(showRevisions(result, target.now()))
      return result
    })
  }
}
