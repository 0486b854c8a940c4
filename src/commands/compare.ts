import {Args} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {showComparison} from '../cli/show-history.ts'
import {compare, type Comparison} from '../core/compare.ts'

export default class Compare extends CloudRunnerCommand {
  static override summary = 'Compare two runs, of one file or of two.'
  static override description = `Shows the metrics of both reports side by side, the effects that changed most, and drift if a model trained earlier scored the files. OBJECT@2 is the second run in the file's history, OBJECT the newest one that is done; of an object whose own name ends in @2, add the run: OBJECT@2@1. The built-in worker writes these reports.`
  static override examples = [
    {
      description: 'What a rerun changed',
      command: '<%= config.bin %> <%= command.id %> statements.csv@1 statements.csv@2',
    },
    {
      description: 'Two files',
      command: '<%= config.bin %> <%= command.id %> may.csv june.csv',
    },
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> statements.csv@1 statements.csv --json',
    },
  ]
  static override args = {
    object: Args.string({description: 'a run: OBJECT@N, or OBJECT', required: true, ignoreStdin: true}),
    other: Args.string({
      description: 'the run to compare it with',
      required: true,
      ignoreStdin: true,
    }),
  }

  override async run(): Promise<Comparison> {
    const {args, flags} = await this.parse(Compare)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const result = await compare(args.object, args.other, target.context())
    this.print(showComparison(result))
    return result
  }
}
