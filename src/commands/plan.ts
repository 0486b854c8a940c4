import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {hasTarget} from '../cli/open.ts'
import {showPlan} from '../cli/show-plan.ts'
import {EXIT} from '../core/errors.ts'
import {plan, type PlanResult} from '../core/plan.ts'
import {planPipelineModel, withModel} from '../core/model/plan-model.ts'

export default class Plan extends CloudRunnerCommand {
  static override summary = 'Show what setup would make or change, and change nothing.'
  static override description = `On the target gcp this is Terraform's plan. What deploy and rollback change, image and traffic, is no part of it. Exit codes with --detailed-exitcode: 0 nothing to change, 4 there are changes.`
  static override examples = [
    {description: 'On Google Cloud', command: '<%= config.bin %> <%= command.id %> --project my-project-123'},
    {
      description: 'In a script: 4 where somebody changed something by hand',
      command: '<%= config.bin %> <%= command.id %> --detailed-exitcode --json',
    },
  ]
  static override flags = {
    'detailed-exitcode': Flags.boolean({summary: 'End with 4 where there are changes.'}),
  }

  override async run(): Promise<PlanResult> {
    const {flags} = await this.parse(Plan)
    const config = await this.configure(flags)
    const model = await planPipelineModel(config)
    if (config.settings.target === 'gcp') this.waitForTerraform()
    const wasThere = await hasTarget(config)
    await using target = await this.open(config, {create: true})
    const result = await this.task('Plan', async (step) => plan(await withModel(model, target.context(step))))
    // A local cloud that was started for the plan alone leaves nothing behind.
    if (!wasThere) await target.removeUnused()
    this.advise(showPlan(result))
    if (flags['detailed-exitcode'] && result.changes > 0) process.exitCode = EXIT.changes
    return result
  }
}
