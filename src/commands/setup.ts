import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {agreeToPlan, ensureProject, type GoogleSetup} from '../cli/consent.ts'
import {usageError} from '../cli/failure.ts'
import {showSetup} from '../cli/show-pipeline.ts'
import {showPlan} from '../cli/show-plan.ts'
import {requireWorker} from '../core/deploy/build.ts'
import {plan} from '../core/plan.ts'
import {requireRehearsable} from '../core/setup/rehearse.ts'
import {saveSettings} from '../core/save-settings.ts'
import {setup, type SetupResult, type SetupStage} from '../core/setup/setup.ts'
import {planPipelineModel, withModel} from '../core/model/plan-model.ts'

const STAGES: Readonly<Record<SetupStage, string>> = {
  infrastructure: 'buckets, topic, subscription, accounts',
  image: 'the worker and its image',
  service: 'the service',
  canary: 'a canary, the whole way',
}

export default class Setup extends CloudRunnerCommand {
  static override summary = 'Make the pipeline, or mend it: what is as it should be is left alone.'
  static override description = `Makes the buckets, the topic and its subscription, deploys the worker, and sends a canary file the whole way. Running it again is harmless. Settings given as flags are kept in cloud-runner.json; with another --pipeline than the file's, for that pipeline alone. A different worker replaces the one that serves only after a yes, and traffic that a rollback or a canary has given to a revision stays there. With --project it is made on Google Cloud, by Terraform: what is missing for that is said first, then the plan is shown and has to be agreed to. Interrupted anywhere, a second setup goes on.`
  static override examples = [
    {description: 'On this machine, without any account', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Name the column to predict, once for all files',
      command: '<%= config.bin %> <%= command.id %> --label-column bankrupt',
    },
    {
      description: 'On Google Cloud: shows the plan and asks',
      command: '<%= config.bin %> <%= command.id %> --project my-project-123',
    },
    {
      description: 'In a project of its own, which destroy can delete again',
      command: '<%= config.bin %> <%= command.id %> --create-project --project my-project-123',
    },
    {
      description: 'What that would do, without an account: the real Terraform against the local cloud',
      command: '<%= config.bin %> <%= command.id %> --rehearse',
    },
    {
      description: 'Run a worker of your own',
      command: '<%= config.bin %> <%= command.id %> --worker ./my-worker',
    },
  ]
  static override flags = {
    'label-column': Flags.string({
      summary: 'Column to predict, where a file does not name its own.',
      helpValue: '<name>',
    }),
    model: Flags.string({
      summary:
        'Model to score all files by, instead of training one for each: a file, or gs://bucket/object.',
      helpValue: '<model>',
    }),
    worker: Flags.string({
      summary: 'Folder of a worker of your own; the default is the packaged logistic regression.',
      helpValue: '<folder>',
    }),
    'max-instances': Flags.integer({
      summary: 'Instances that run at the same time at most.',
      helpValue: '<n>',
    }),
    concurrency: Flags.integer({
      summary: 'Files that one instance works on at the same time.',
      helpValue: '<n>',
    }),
    region: Flags.string({
      summary: 'Google Cloud region. The default is europe-west3.',
      helpValue: '<region>',
    }),
    state: Flags.string({
      summary:
        "Keep Terraform's state in a bucket, for several people; the bucket is made where it is missing.",
      helpValue: '<gs://bucket/prefix>',
    }),
    'create-project': Flags.boolean({
      summary: 'On Google Cloud: make the project as well. Only such a project can be deleted by destroy.',
    }),
    'billing-account': Flags.string({
      summary: 'Billing account of the project that is made. The default is the only one there is.',
      helpValue: '<id>',
      dependsOn: ['create-project'],
      parse: async (given) => parseBillingAccount(given),
    }),
    yes: Flags.boolean({
      summary:
        'Do not ask: neither after the plan on Google Cloud, nor before a different worker takes over.',
    }),
    rehearse: Flags.boolean({
      summary: 'On the local target: by the real Terraform, as it would be on Google Cloud.',
    }),
  }

  override async run(): Promise<SetupResult> {
    const {flags} = await this.parse(Setup)
    const config = await this.configure(flags, {
      labelColumn: flags['label-column'],
      model: flags.model,
      worker: flags.worker,
      maxInstances: flags['max-instances'],
      concurrency: flags.concurrency,
      region: flags.region,
      state: flags.state,
    })
    const model = await planPipelineModel(config)
    // Before anything is made, and before it takes the place of the worker that the settings name.
    if (flags.worker !== undefined && config.workerFolder !== undefined)
      await requireWorker(config.workerFolder)
    const isGoogle = config.settings.target === 'gcp'
    if (isGoogle && flags.rehearse) {
      throw usageError('--rehearse is for the local target: it needs no account.', [
        'Type: cloud-runner setup --rehearse --target local',
      ])
    }
    if (!isGoogle && flags['create-project']) {
      throw usageError('--create-project needs the id that the project is to have.', [
        'For example: cloud-runner setup --create-project --project my-project-123',
      ])
    }
    if (isGoogle || flags.rehearse) this.waitForTerraform()
    await using target = await this.open(config, {create: true, rehearse: flags.rehearse})
    if (isGoogle) {
      const asked: GoogleSetup = {
        config,
        target,
        flags,
        interactive: !this.jsonEnabled(),
        signal: this.signal,
        task: (title, work) => this.task(title, work),
      }
      await ensureProject(asked)
      await agreeToPlan(asked, model)
    }
    if (flags.rehearse)
      await this.task('Plan by the real Terraform', (step) => requireRehearsable(target.context(step)))
    await this.agreeTo({workerFolder: config.workerFolder}, flags, target)
    await saveSettings(config)
    const result = await this.task('Set up the pipeline', (step) =>
      setup(
        {workerFolder: config.workerFolder, model, stage: (stage) => step(STAGES[stage])},
        target.context(step),
      ),
    )
    this.advise(showSetup(result, target.context().pipeline.names))
    if (config.entry !== undefined)
      this.print([
        `Name it in every command: --pipeline ${config.entry}. Without that they go to the folder's own pipeline.`,
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

/** https://cloud.google.com/billing/docs/how-to/find-billing-account-id */
function parseBillingAccount(given: string): string {
  const id = given.replace(/^billingAccounts\//, '').toUpperCase()
  if (/^[0-9A-F]{6}(?:-[0-9A-F]{6}){2}$/.test(id)) return id
  throw usageError(`--billing-account is "${given}"; it must be like 012345-6789AB-CDEF01.`, [
    'See which there are: gcloud billing accounts list',
  ])
}
