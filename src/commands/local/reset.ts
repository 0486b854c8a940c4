import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {agreeToLoseState} from '../../cli/replace-state.ts'
import {localCloudOf} from '../../cli/targets.ts'

export default class LocalReset extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Empty the local cloud; ports and snapshots stay.'
  static override examples = [
    {description: 'Between two tests', command: '<%= config.bin %> <%= command.id %> --yes'},
  ]
  static override flags = {yes: Flags.boolean({summary: 'Skip the confirmation.', default: false})}

  override async run(): Promise<object> {
    const {flags} = await this.parse(LocalReset)
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    await agreeToLoseState(local, 'will be removed', {
      given: flags.yes,
      interactive: !this.jsonEnabled(),
      signal: this.signal,
    })
    await this.task('Empty the local cloud', () => local.ask('POST', 'reset'))
    this.print(['The local cloud is empty.'])
    return {}
  }
}
