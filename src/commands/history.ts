import {Args} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {showHistory} from '../cli/show-history.ts'
import {keepVersions} from '../core/history/keep-versions.ts'
import {readRuns, type Run} from '../core/history/runs.ts'

interface RunHistory {
  readonly object: string
  /** The oldest first. */
  readonly runs: readonly Run[]
}

export default class History extends CloudRunnerCommand {
  static override summary = 'List the runs of a file.'
  static override description = `Each run with its number, outcome, input generation, revision and image digest, model, label column and AUC. The runs are read from the versions in the output bucket, which keeps replaced results for the days of the setting "noncurrentDays" (30). Without "versioning", only the newest can be read. Failed runs are listed too. Runs are numbered from the oldest one that is kept.`
  static override examples = [
    {
      description: 'The runs of a file',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --json',
    },
  ]
  static override args = {
    object: Args.string({description: 'name of an uploaded object', required: true, ignoreStdin: true}),
  }

  override async run(): Promise<RunHistory> {
    const {args, flags} = await this.parse(History)
    const {object} = args
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const context = target.context()
    const runs = await readRuns(object, context)
    const advice = await keepVersions(context)
    this.print(showHistory({object, runs, advice}, target.now(), this.render))
    return {object, runs}
  }
}
