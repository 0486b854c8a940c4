import {CloudRunnerCommand} from '../../cli/base.ts'
import {localCloudOf, type LocalCloudStatus} from '../../cli/targets.ts'
import {command, suggest} from '../../core/suggestion.ts'
import {showLocalCloud} from '../../cli/show-local.ts'

type Answer =
  | {readonly running: false; readonly stateFolder: string}
  | ({readonly running: true} & LocalCloudStatus)

export default class LocalStatus extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Show whether the local cloud is running, and what runs in it.'
  static override examples = [
    {description: 'Where it is running', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'Its endpoint, for other tools', command: '<%= config.bin %> <%= command.id %> --json'},
  ]

  override async run(): Promise<Answer> {
    const {flags} = await this.parse(LocalStatus)
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    const {folder} = local
    const running = await local.status()
    if (!running) {
      this.print([
        'The local cloud is not running.',
        `State: ${folder}`,
        this.render(suggest`Start it: ${command('local start')}`),
      ])
      return {running: false, stateFolder: folder}
    }
    this.print(showLocalCloud({...running, stateFolder: folder}, Date.now()))
    return {running: true, ...running}
  }
}
