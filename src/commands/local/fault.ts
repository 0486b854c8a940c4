import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {durationFlag, wholeNumberFlag} from '../../cli/flags.ts'
import {usageError} from '../../cli/failure.ts'
import {localCloudOf} from '../../cli/targets.ts'
import {fieldsOf, type JsonObject} from '../../core/json.ts'
import {command, suggest, synopsis} from '../../core/suggestion.ts'

export default class LocalFault extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Make calls to the local cloud fail on purpose.'
  static override description =
    'add takes the name of a method (storage.objects.get, google.pubsub.v1.Publisher/Publish) or a path that starts with a slash, both with * and **, and what happens to the next calls of it. list shows what is still to happen; clear forgets it.'
  static override examples = [
    {
      description: 'Fail the next two downloads',
      command: '<%= config.bin %> <%= command.id %> add storage.objects.get --answer 503 --times 2',
    },
    {
      description: 'Break an upload after a megabyte',
      command:
        '<%= config.bin %> <%= command.id %> add storage.objects.insert --break --after-request-bytes 1000000',
    },
    {
      description: 'Slow every call down',
      command: '<%= config.bin %> <%= command.id %> add "/**" --delay 2s --times 1000',
    },
  ]
  static override args = {
    action: Args.string({description: 'what to do', options: ['add', 'list', 'clear'], required: true}),
    calls: Args.string({description: 'which calls, by method or path'}),
  }
  static override flags = {
    answer: Flags.string({
      summary: 'Error to answer: an HTTP status or a code such as UNAVAILABLE.',
      helpValue: '<status>',
    }),
    break: Flags.boolean({summary: 'Reset the connection.'}),
    hang: Flags.boolean({summary: 'Never answer.'}),
    delay: durationFlag({summary: 'Continue after this time.'}),
    times: wholeNumberFlag({summary: 'How many calls.', default: 1, min: 1}),
    principal: Flags.string({
      summary: 'Only calls of one caller: owner or serviceAccount:EMAIL.',
      helpValue: '<caller>',
    }),
    'after-request-bytes': wholeNumberFlag({
      summary: 'Fail after this many bytes of the request body.',
      min: 0,
    }),
    'after-response-bytes': wholeNumberFlag({
      summary: 'Fail after this many bytes of the response body; the call has taken effect.',
      min: 0,
    }),
  }

  override async run(): Promise<JsonObject> {
    const {args, flags, raw} = await this.parse(LocalFault)
    const {action, calls} = args
    if (action !== 'add') {
      const [flag] = raw.flatMap((word) =>
        word.type === 'flag' && word.flag in LocalFault.flags ? [`--${word.flag}`] : [],
      )
      const extra = flag ?? calls
      if (extra !== undefined) {
        throw usageError(`local fault ${action} is about all faults and takes no ${extra}.`, [
          action === 'clear'
            ? suggest`Clear them: ${command('local fault', 'clear')}`
            : suggest`List them: ${command('local fault', 'list')}`,
        ])
      }
    }
    const {answer, break: broken, hang, delay, times, principal, ...others} = flags
    const {
      'after-request-bytes': afterRequestBytes,
      'after-response-bytes': afterResponseBytes,
      ...target
    } = others
    const local = localCloudOf(await this.configureFolder({...target, target: 'local'}))
    if (action === 'clear') {
      const cleared = await local.ask('DELETE', 'faults')
      this.print(['Cleared.'])
      return cleared
    }
    if (action === 'list') {
      const listed = await local.ask('GET', 'faults')
      this.print(showFaults(listed))
      return listed
    }
    if (calls === undefined) {
      throw usageError('local fault add needs the calls that fail.', [
        suggest`For example: ${synopsis('local fault', 'add', 'storage.objects.get', '--answer', '503')}`,
      ])
    }
    const rule = {
      on: {[calls.startsWith('/') ? 'path' : 'rpc']: calls, principal},
      answer: answer === undefined || !/^\d+$/.test(answer) ? answer : Number(answer),
      break: broken || undefined,
      hang: hang || undefined,
      delayMs: delay,
      times,
      afterRequestBytes,
      afterResponseBytes,
    }
    const added = await local.ask('POST', 'faults', {faults: [rule]})
    this.print(showFaults(added))
    return added
  }
}

/** `2 × answer 503 on storage.objects.get` */
function showFaults({faults}: JsonObject): string[] {
  return (Array.isArray(faults) ? faults.map(fieldsOf) : []).map(({on, left, ...rule}) => {
    const action = ['answer', 'break', 'hang', 'delayMs'].find((name) => rule[name] !== undefined) ?? ''
    const {rpc, path} = fieldsOf(on)
    const value = rule[action] === true ? '' : ` ${String(rule[action])}`
    return `${String(left)} × ${action}${value} on ${String(rpc ?? path)}`
  })
}
