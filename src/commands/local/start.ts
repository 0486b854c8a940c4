import {Flags} from '@oclif/core'

import {wholeNumberFlag} from '../../cli/flags.ts'
import {CloudRunnerCommand} from '../../cli/base.ts'
import {localCloudOf, type StartedLocalCloud} from '../../cli/targets.ts'

export default class LocalStart extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Start the local cloud; other commands start it on demand.'
  static override examples = [
    {description: 'Start it, or show where it is running', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'On a port of your choice', command: '<%= config.bin %> <%= command.id %> --port 4510'},
  ]
  static override flags = {
    port: wholeNumberFlag({
      summary: 'Port on 127.0.0.1, remembered for later starts.',
      min: 1,
      max: 65_535,
    }),
    bind: Flags.string({
      summary: 'Also serve other machines and containers; their calls carry the token in LOCAL_CLOUD_TOKEN.',
      helpValue: '<address:port>',
    }),
  }

  override async run(): Promise<StartedLocalCloud> {
    const {flags} = await this.parse(LocalStart)
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    const cloud = await this.task('Start the local cloud', () =>
      local.start({port: flags.port, bind: flags.bind, signal: this.signal}),
    )
    const state = cloud.started ? 'is running' : 'is already running'
    this.print([
      `The local cloud ${state} at ${cloud.endpoint} (process ${cloud.pid}).`,
      `State: ${local.folder}`,
    ])
    return cloud
  }
}
