import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {agreeToLoseState} from '../../cli/replace-state.ts'
import {usageError} from '../../cli/failure.ts'
import {localCloudOf, type LocalCloudControl} from '../../cli/targets.ts'
import type {JsonObject} from '../../core/json.ts'
import {suggest, synopsis} from '../../core/suggestion.ts'

export default class LocalSnapshot extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = "Keep the local cloud's state under a name, and return to it."
  static override description =
    'save keeps everything as it is, replacing a snapshot of that name; load puts it in place of what is there; list shows the names.'
  static override examples = [
    {description: 'Keep the state', command: '<%= config.bin %> <%= command.id %> save before-test'},
    {description: 'Return to it', command: '<%= config.bin %> <%= command.id %> load before-test --yes'},
  ]
  static override args = {
    action: Args.string({
      description: 'what to do',
      options: ['save', 'load', 'list'],
      required: true,
    }),
    name: Args.string({description: 'name of the snapshot'}),
  }
  static override flags = {yes: Flags.boolean({summary: 'Skip the confirmation of load.', default: false})}

  override async run(): Promise<JsonObject> {
    const {args, flags} = await this.parse(LocalSnapshot)
    const {action, name} = args
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    if (action === 'list') {
      const {snapshots} = await local.ask('GET', 'snapshots')
      this.print(Array.isArray(snapshots) ? snapshots.map(String) : [])
      return {snapshots}
    }
    if (name === undefined) {
      throw usageError(`local snapshot ${action} needs a name.`, [
        suggest`For example: ${synopsis('local snapshot', 'save', 'before-test')}`,
      ])
    }
    const path = `snapshots/${encodeURIComponent(name)}`
    if (action === 'save') {
      await this.task(`Save snapshot ${name}`, () => local.ask('PUT', path))
    } else {
      await this.#agreeToLoad(name, flags.yes, local)
      await this.task(`Load snapshot ${name}`, () => local.ask('POST', `${path}/load`))
    }
    this.print([action === 'save' ? `Saved snapshot ${name}.` : `Loaded snapshot ${name}.`])
    return {name}
  }

  async #agreeToLoad(name: string, given: boolean, local: LocalCloudControl): Promise<void> {
    const {snapshots} = await local.ask('GET', 'snapshots')
    // The local cloud refuses an unknown one, and says which there are.
    if (!Array.isArray(snapshots) || !snapshots.includes(name)) return
    await agreeToLoseState(local, `will be replaced by snapshot ${name}`, {
      given,
      interactive: !this.jsonEnabled(),
      signal: this.signal,
    })
  }
}
