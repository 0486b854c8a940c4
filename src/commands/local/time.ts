import {Args} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {usageError} from '../../cli/failure.ts'
import {localCloudOf} from '../../cli/targets.ts'
import {parseDuration} from '../../core/settings/duration.ts'
import {suggest, synopsis} from '../../core/suggestion.ts'

export default class LocalTime extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = "Move the local cloud's time ahead."
  static override description =
    'Whatever falls due in between happens at once: retries, lifecycle rules, the end of retention and soft delete, expiry, idle instances that stop. The time holds until the local cloud stops or is reset; your workers keep the real time.'
  static override examples = [
    {description: 'Let a day pass', command: '<%= config.bin %> <%= command.id %> advance 24h'},
  ]
  static override args = {
    action: Args.string({description: 'what to do', options: ['advance'], required: true}),
    duration: Args.string({description: 'how far, such as 90s, 24h or 30d', required: true}),
  }

  override async run(): Promise<{time: string}> {
    const {args, flags} = await this.parse(LocalTime)
    const ms = parseDuration(args.duration)
    if (ms === undefined) {
      throw usageError(`"${args.duration}" is not a duration such as 90s, 24h or 30d.`, [
        suggest`For example: ${synopsis('local time', 'advance', '24h')}`,
      ])
    }
    const local = localCloudOf(await this.configureFolder({...flags, target: 'local'}))
    const {time} = await local.ask('POST', 'time', {advanceSeconds: ms / 1000})
    this.print([`The local cloud's time is ${String(time)}.`])
    return {time: String(time)}
  }
}
