import {setTimeout as sleep} from 'node:timers/promises'
import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {localCloudOf} from '../../cli/targets.ts'
import {lacksGrant, showRequest} from '../../cli/show-requests.ts'
import {AppError} from '../../core/errors.ts'
import type {JsonObject} from '../../core/json.ts'

const POLL_MS = 300
/** A reset gives instances ten seconds to end. */
const LONGEST_RESTART_MS = 20_000

export default class LocalRequests extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Show who called the local cloud, and what IAM decided.'
  static override description =
    'For each request: the caller, each permission that it needed, the decision, and the grant that would have allowed it; if it failed, why. The last hour is kept, up to a megabyte. With --follow, new requests are printed until Ctrl-C; with --json as well, each is one line of JSON.'
  static override examples = [
    {description: 'What lacked a grant', command: '<%= config.bin %> <%= command.id %> --denied'},
    {description: 'Watch it', command: '<%= config.bin %> <%= command.id %> --follow'},
  ]
  static override flags = {
    denied: Flags.boolean({summary: 'Only requests that lacked a grant.'}),
    follow: Flags.boolean({char: 'f', summary: 'Keep printing new requests as they arrive.'}),
  }
  protected override readonly interruptHint = undefined

  override async run(): Promise<{requests: readonly JsonObject[]} | undefined> {
    const {flags} = await this.parse(LocalRequests)
    const {denied, follow, ...target} = flags
    const local = localCloudOf(await this.configureFolder({...target, target: 'local'}))
    const shown = (request: JsonObject): boolean => !denied || lacksGrant(request)
    if (!follow) {
      const requests = (await local.requests(0)).filter(shown)
      this.print(requests.flatMap(showRequest))
      return {requests}
    }
    let answered = 0
    for (let last = 0; ;) {
      const news = await local.requests(last).then(
        (found) => {
          answered = performance.now()
          return found
        },
        (error: unknown) => {
          const isRestart = answered > 0 && performance.now() - answered < LONGEST_RESTART_MS
          if (isRestart && error instanceof AppError && error.code === 'unreachable') return []
          throw error
        },
      )
      last = Number(news.at(-1)?.['id'] ?? last)
      for (const request of news.filter(shown)) {
        if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(request)}\n`)
        else this.print(showRequest(request))
      }
      await sleep(POLL_MS, undefined, {signal: this.signal})
    }
  }
}
