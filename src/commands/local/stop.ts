import {CloudRunnerCommand} from '../../cli/base.ts'
import {localCloudOf} from '../../cli/targets.ts'

export default class LocalStop extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Stop the local cloud; its state is kept for the next start.'
  static override examples = [{description: 'Stop it', command: '<%= config.bin %> <%= command.id %>'}]

  override async run(): Promise<{stopped: boolean; pid: number | undefined; killed: boolean}> {
    const {flags} = await this.parse(LocalStop)
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    const ended = await this.task('Stop the local cloud', () => local.stop())
    if (!ended) this.print(['The local cloud is not running.'])
    else
      this.print([
        `The local cloud (process ${ended.pid}) ${ended.killed ? 'did not stop and was killed' : 'has stopped'}.`,
        `State: ${local.folder}`,
      ])
    return {stopped: ended !== undefined, pid: ended?.pid, killed: ended?.killed ?? false}
  }
}
