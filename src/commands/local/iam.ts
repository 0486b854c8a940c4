import {Args} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {localCloudOf} from '../../cli/targets.ts'

export default class LocalIam extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Show or choose what happens when a grant is missing.'
  static override description =
    'enforce refuses the call, as Google does. audit serves it, and "local requests --denied" lists the grant that it lacks. off grants everything. The mode stays until you change it.'
  static override examples = [
    {
      description: 'Find out which grants a worker needs',
      command: '<%= config.bin %> <%= command.id %> audit',
    },
  ]
  static override args = {
    mode: Args.string({description: 'the mode from now on', options: ['enforce', 'audit', 'off']}),
  }

  override async run(): Promise<{mode: string}> {
    const {args, flags} = await this.parse(LocalIam)
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    const {mode} =
      args.mode === undefined
        ? {mode: (await local.ask('GET', 'status'))['iam']}
        : await local.ask('PUT', 'iam', {mode: args.mode})
    this.print([`IAM of the local cloud: ${String(mode)}`])
    return {mode: String(mode)}
  }
}
