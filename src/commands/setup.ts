import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {setupApprovals} from '../cli/consent.ts'
import {usageError} from '../cli/failure.ts'
import {billingAccountFlag, confirmFlag, givenSettings, settingFlags} from '../cli/flags.ts'
import {createImages, terraformVersion} from '../cli/targets.ts'
import {showSetup} from '../cli/show-pipeline.ts'
import {showPlan} from '../cli/show-plan.ts'
import {requireWorker} from '../core/deploy/choose-builder.ts'
import {plan} from '../core/plan.ts'
import {prepareGoogle} from '../core/setup/prepare.ts'
import {requireRehearsable} from '../core/setup/rehearse.ts'
import {saveSettings} from '../core/save-settings.ts'
import {setup, type SetupResult, type SetupStage} from '../core/setup/setup.ts'
import {planPipelineModel, withModel} from '../core/model/plan-model.ts'
import {command, suggest, synopsis} from '../core/suggestion.ts'

const STAGES: Readonly<Record<SetupStage, string>> = {
  infrastructure: 'buckets, topic, subscription, accounts',
  image: 'worker and image',
  service: 'service',
  canary: 'canary file',
}

export default class Setup extends CloudRunnerCommand {
  static override summary = 'Create or repair the pipeline.'
  static override description = `Creates the buckets, the topic and its subscription, deploys the worker, and sends a canary file through the pipeline. Anything already correct is left alone, so you can run it again at any time. Settings given as flags are saved in cloud-runner.json: for that environment with --env, and for that pipeline alone if --pipeline is not the one the file names. In a protected environment it first asks for the pipeline's name. A different worker is replaced only after you agree, and traffic set by a rollback or canary stays as it is.

With --project, Terraform creates the pipeline on Google Cloud. Prerequisites are checked first, then the plan is shown for your approval. If interrupted, run setup again to continue.`
  static override examples = [
    {description: 'On this machine, without an account', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Set the column to predict for all files',
      command: '<%= config.bin %> <%= command.id %> --label-column bankrupt',
    },
    {
      description: 'On Google Cloud, after you approve the plan',
      command: '<%= config.bin %> <%= command.id %> --project my-project-123',
    },
    {
      description: 'In a new project, which destroy can delete',
      command: '<%= config.bin %> <%= command.id %> --create-project --project my-project-123',
    },
    {
      description: 'Rehearse it without an account: the real Terraform against the local cloud',
      command: '<%= config.bin %> <%= command.id %> --rehearse',
    },
    {
      description: 'Run a worker of your own',
      command: '<%= config.bin %> <%= command.id %> --worker ./my-worker',
    },
  ]
  static override flags = {
    ...settingFlags(),
    'create-project': Flags.boolean({
      summary: 'Create the Google Cloud project as well; destroy can delete only such a project.',
    }),
    'billing-account': billingAccountFlag(),
    yes: Flags.boolean({
      summary: 'Do not ask to approve the plan or to replace a different worker.',
    }),
    confirm: confirmFlag,
    rehearse: Flags.boolean({
      summary: 'Set up the local target with the real Terraform, as on Google Cloud.',
    }),
  }

  protected override readonly isForNew = true

  protected override readonly isChange = true

  override async run(): Promise<SetupResult> {
    const {flags} = await this.parse(Setup)
    const config = await this.configure(flags, givenSettings(flags))
    const model = await planPipelineModel(config)
    // Before anything is created, and before it replaces the worker that the settings name.
    if (config.sources.worker.kind === 'flag' && config.workerFolder !== undefined)
      await requireWorker(config.workerFolder, createImages())
    const isGoogle = config.settings.target === 'gcp'
    if (isGoogle && flags.rehearse) {
      throw usageError('--rehearse needs the local target; it uses no account.', [
        suggest`Type: ${command('setup', '--rehearse', '--target', 'local')}`,
      ])
    }
    if (!isGoogle && flags['create-project']) {
      throw usageError('--create-project needs an id for the new project.', [
        suggest`For example: ${synopsis('setup', '--create-project', '--project', 'my-project-123')}`,
      ])
    }
    await this.agreeToChange(config, flags.confirm)
    if (isGoogle || flags.rehearse) this.waitForTerraform()
    await using target = await this.open(config, {create: true, rehearse: flags.rehearse})
    if (isGoogle) {
      await prepareGoogle(
        {
          config,
          model,
          project: {create: flags['create-project'], billingAccount: flags['billing-account']},
          terraform: terraformVersion,
          stage: (title, work) => this.task(title, work),
          ...setupApprovals({
            flags,
            interactive: !this.jsonEnabled(),
            signal: this.signal,
            render: this.render,
          }),
        },
        target.context(),
      )
    }
    if (flags.rehearse)
      await this.task('Plan with the real Terraform', (step) => requireRehearsable(target.context(step)))
    await this.agreeTo({workerFolder: config.workerFolder}, flags, target)
    const result = await this.task('Set up the pipeline', (step) =>
      setup(
        {
          workerFolder: config.workerFolder,
          model,
          checked: () => saveSettings(config),
          stage: (stage) => step(STAGES[stage]),
        },
        target.context(step),
      ),
    )
    this.print(showSetup(result, target.context().pipeline.names, this.render))
    const {pipeline} = config.choice
    if (config.place.pipeline !== undefined && config.own !== undefined && config.own !== pipeline)
      this.print([
        `Add --pipeline ${pipeline} to every command; without it, they use the folder's own pipeline.`,
      ])
    if (flags.rehearse)
      this.print(
        showPlan(
          await this.task('Plan again', async (step) => plan(await withModel(model, target.context(step)))),
        ),
      )
    return result
  }
}
