import {Args, Flags} from '@oclif/core'

import {LookingCommand, type ByPipeline} from '../cli/looking.ts'
import {hopTable} from '../cli/show-files.ts'
import {showStatus} from '../cli/show-pipeline.ts'
import {status, type Status as PipelineAndFiles} from '../core/status.ts'

export default class Status extends LookingCommand {
  static override summary = 'Show the pipeline and the state of its files.'
  static override description = `A file is waiting, running, done, failed, dead (its delivery attempts are used up) or ignored (the filter excludes it). The input bucket is compared with the results by generation, so the states are right even if an event was lost. If cloud-runner.json declares several pipelines or environments and none is chosen, all are shown; with --json as {"pipelines": {NAME: …}}.`
  static override examples = [
    {description: 'The pipeline and its newest files', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'One file, with its path hop by hop',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json'},
  ]
  static override args = {
    object: Args.string({
      description: 'name of an object (default: all)',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    limit: Flags.integer({
      summary: 'List at most this many files, newest first.',
      default: 50,
      min: 1,
      helpValue: '<n>',
    }),
  }

  override async run(): Promise<PipelineAndFiles | ByPipeline<PipelineAndFiles>> {
    const {args, flags} = await this.parse(Status)
    const objects = args.object === undefined ? [] : [args.object].flat()
    return this.lookAt(flags, async (config) => {
      await using target = await this.open(config, {create: false})
      const result = await status({objects, limit: flags.limit}, target.context())
      const [only] = result.files
      const hops = objects.length === 1 && only ? ['', ...hopTable(only.hops)] : []
      this.print([...showStatus(result, Date.now(), this.render), ...hops])
      return result
    })
  }
}
