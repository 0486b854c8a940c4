import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {saveSettings} from '../cli/open.ts'
import {showSetup} from '../cli/show-pipeline.ts'
import {setup, type SetupResult, type SetupStage} from '../core/setup/setup.ts'

const STAGES: Readonly<Record<SetupStage, string>> = {
  infrastructure: 'buckets, topic, subscription, accounts',
  image: 'the worker and its image',
  service: 'the service',
  canary: 'a canary, the whole way',
}

export default class Setup extends CloudRunnerCommand {
  static override summary = 'Make the pipeline, or mend it: what is as it should be is left alone.'
  static override description = `Makes the buckets, the topic and its subscription, deploys the worker, and sends a canary file the whole way. Running it again is harmless. Settings given as flags are kept in cloud-runner.json.`
  static override examples = [
    {description: 'On this machine, without any account', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Name the column to predict, once for all files',
      command: '<%= config.bin %> <%= command.id %> --label-column bankrupt',
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
  }

  override async run(): Promise<SetupResult> {
    const {flags} = await this.parse(Setup)
    const given = {
      labelColumn: flags['label-column'],
      worker: flags.worker,
      maxInstances: flags['max-instances'],
      concurrency: flags.concurrency,
    }
    const config = await this.configure(flags, given)
    await using target = await this.open(config, {create: true})
    await saveSettings(config)
    const result = await this.task('Set up the pipeline', (step) =>
      setup({workerFolder: config.workerFolder, stage: (stage) => step(STAGES[stage])}, target.context(step)),
    )
    this.print(showSetup(result, target.context().pipeline.names))
    return result
  }
}
