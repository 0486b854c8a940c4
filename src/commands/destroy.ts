import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {confirmByName} from '../cli/confirm.ts'
import {hasTarget} from '../cli/open.ts'
import {showDestroyed, showLoss} from '../cli/show-destroy.ts'
import {destroy, inspectLoss, type DestroyResult} from '../core/destroy/destroy.ts'

interface Destroyed extends DestroyResult {
  /** Whether the local cloud, its process and its files, is gone with it. */
  readonly localCloudRemoved: boolean
}

export default class Destroy extends CloudRunnerCommand {
  static override summary = 'Remove the pipeline with all its files and results.'
  static override description = `Says what will be lost and asks for the pipeline's name. With the last pipeline of a folder the local cloud goes as well, process and files. Nothing there is no error. On Google Cloud the buckets are emptied, all versions too, Terraform destroys, and Google is then asked what is left: 1 with the list, where there is anything. APIs stay enabled, and a bucket of Terraform's state stays.`
  static override examples = [
    {description: 'Asks for the name', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> --confirm cloud-runner',
    },
  ]
  static override flags = {
    confirm: Flags.string({summary: "The pipeline's name, instead of the question.", helpValue: '<name>'}),
  }

  override async run(): Promise<Destroyed> {
    const {flags} = await this.parse(Destroy)
    const config = await this.configure(flags)
    const {name, target: where} = config.settings
    if (where === 'gcp') this.waitForTerraform()
    if (!(await hasTarget(config))) {
      this.print([`Nothing to destroy: there is no pipeline in ${config.folder}.`])
      return {removed: [], left: [], localCloudRemoved: false}
    }
    await using target = await this.open(config, {create: false})
    const loss = await inspectLoss(target.context())
    if (!loss.exists && where === 'gcp') {
      await target.removeUnused()
      this.print([`Nothing to destroy: there is no pipeline ${name} in project ${config.settings.project}.`])
      return {removed: [], left: [], localCloudRemoved: false}
    }
    if (loss.exists) {
      await confirmByName({
        name,
        given: flags.confirm,
        consequences: showLoss(loss, name),
        command: [
          this.config.bin,
          'destroy',
          ...(flags.project ? ['--project', flags.project] : []),
          ...(flags.pipeline ? ['--pipeline', name] : []),
          '--confirm',
          name,
        ].join(' '),
        interactive: !this.jsonEnabled(),
        signal: this.signal,
      })
    }
    const result = await this.task(`Destroy pipeline ${name}`, (step) => destroy(target.context(step)))
    const localCloudRemoved = result.left.length === 0 && (await target.removeUnused())
    this.print(showDestroyed(result, config.settings, localCloudRemoved))
    if (result.left.length > 0) process.exitCode = 1
    return {...result, localCloudRemoved}
  }
}
