import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {localCloudOf} from '../cli/open.ts'
import {showDevEvent} from '../cli/show-dev.ts'
import {dev} from '../core/dev/dev.ts'
import {AppError} from '../core/errors.ts'
import {planPipelineModel} from '../core/model/plan-model.ts'

export default class Dev extends CloudRunnerCommand {
  static override summary = 'Run the worker here while you write it: deployed again whenever you save.'
  static override description = `Makes the pipeline on the local target and stays: each save of a file in the worker's folder is built and deployed, and what the worker logs and what becomes of the files is shown as it happens. A version that cannot be built, or does not start, leaves the one before in place. Ctrl-C stops what this command has started: a local cloud that ran before goes on. With --json each event is a JSON object on a line of its own.`
  static override examples = [
    {
      description: 'With a worker that init has made',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'Files that failed are done again by each new version',
      command: '<%= config.bin %> <%= command.id %> --reprocess',
    },
  ]
  static override flags = {
    reprocess: Flags.boolean({
      summary: 'After each new version, do files again that failed or were refused.',
      default: false,
    }),
    yes: Flags.boolean({summary: 'Do not ask before a different worker takes over.'}),
  }
  protected override interruptHint = 'Stopping. Ctrl-C again ends at once.'
  /** Workers have ten seconds to finish what they have in hand. */
  protected override graceMs = 30_000

  override async run(): Promise<void> {
    const {flags} = await this.parse(Dev)
    if (flags.target === 'gcp') {
      throw usageError('dev runs on this machine; on Google Cloud a worker is deployed.', [
        'Type: cloud-runner deploy --target gcp',
      ])
    }
    const config = await this.configure({...flags, target: 'local'})
    const model = await planPipelineModel(config)
    const local = localCloudOf(config)
    const wasRunning = (await local.status()) !== undefined
    try {
      await using target = await this.open(config, {create: true})
      const {workerFolder} = config
      await this.agreeTo({workerFolder}, flags, target)
      if (workerFolder === undefined)
        this.print(['No worker of your own is set, so nothing is built again; make one: cloud-runner init'])
      await dev(
        {
          workerFolder,
          model,
          reprocess: flags.reprocess,
          onEvent: (event) => {
            if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(event)}\n`)
            else this.print(showDevEvent(event, Date.now()))
          },
        },
        target.context(),
      )
    } catch (error) {
      if (!this.signal.aborted) throw error
    } finally {
      if (!wasRunning) await this.task('Stop the local cloud; files and results stay', () => local.stop())
    }
    const {reason}: {reason?: unknown} = this.signal
    if (reason instanceof AppError) process.exitCode = reason.exitCode
  }
}
