import {Flags} from '@oclif/core'

import {showMonthlyCost} from '../cli/show-cost.ts'
import {ReadOnlyCommand, type ByPipeline} from '../cli/read-only.ts'
import {hasTarget} from '../cli/targets.ts'
import {showPlan} from '../cli/show-plan.ts'
import type {Config} from '../core/config.ts'
import {EXIT} from '../core/errors.ts'
import {plan, type PlanResult} from '../core/plan.ts'
import {planPipelineModel, withModel} from '../core/model/plan-model.ts'

export default class Plan extends ReadOnlyCommand {
  static override summary = 'Show what setup would create or change, without doing it.'
  static override description = `With --target gcp this is Terraform's plan. It leaves out image and traffic, which deploy and rollback change. Exit codes with --detailed-exitcode: 0 if there is nothing to change, 4 if there are changes.`
  static override examples = [
    {description: 'On Google Cloud', command: '<%= config.bin %> <%= command.id %> --project my-project-123'},
    {
      description: 'In a script: exit code 4 if something was changed by hand',
      command: '<%= config.bin %> <%= command.id %> --detailed-exitcode --json',
    },
  ]
  static override flags = {
    'detailed-exitcode': Flags.boolean({summary: 'Exit with 4 if there are changes.'}),
  }

  protected override readonly isForNew = true

  override async run(): Promise<PlanResult | ByPipeline<PlanResult>> {
    const {flags} = await this.parse(Plan)
    return this.lookAt(flags, async (config) => {
      const result = await this.#plan(config)
      if (flags['detailed-exitcode'] && result.changes > 0) process.exitCode = EXIT.changes
      return result
    })
  }

  async #plan(config: Config): Promise<PlanResult> {
    const model = await planPipelineModel(config)
    if (config.settings.target === 'gcp') this.waitForTerraform()
    const wasThere = await hasTarget(config)
    await using target = await this.open(config, {create: true})
    const result = await this.task('Plan', async (step) => plan(await withModel(model, target.context(step))))
    // A local cloud started only for the plan leaves nothing behind.
    if (!wasThere) await target.removeUnused()
    this.print([...showPlan(result), showMonthlyCost(result.monthlyCost, this.render)])
    return result
  }
}
