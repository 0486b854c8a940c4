import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {localCloudOf, type StartedLocalCloud} from '../../cli/open.ts'

export default class LocalStart extends CloudRunnerCommand {
  static override summary = 'Start the local cloud; every other command does so by itself when it needs it.'
  static override examples = [
    {description: 'Start it, or say where it runs', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'On a port of your own', command: '<%= config.bin %> <%= command.id %> --port 4510'},
  ]
  static override flags = {
    port: Flags.integer({
      summary: 'Port on 127.0.0.1; kept for later starts.',
      min: 1,
      max: 65_535,
      helpValue: '<n>',
    }),
  }

  override async run(): Promise<StartedLocalCloud> {
    const {flags} = await this.parse(LocalStart)
    const local = localCloudOf(await this.configure({...flags, target: 'local'}))
    const cloud = await this.task('Start the local cloud', () =>
      local.start({port: flags.port, signal: this.signal}),
    )
    const state = cloud.started ? 'runs' : 'runs already'
    this.print([
      `The local cloud ${state} at ${cloud.endpoint} (process ${cloud.pid}).`,
      `State: ${local.folder}`,
    ])
    return cloud
  }
}
