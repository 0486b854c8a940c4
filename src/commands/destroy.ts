import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {askForName, confirmByName} from '../cli/confirm.ts'
import {confirmFlag} from '../cli/flags.ts'
import {hasTarget, type OpenTarget} from '../cli/targets.ts'
import {showDestroyed, showLoss} from '../cli/show-destroy.ts'
import {showProject, showProjectLoss} from '../cli/show-project.ts'
import {destroy, inspectLoss, type DestroyResult} from '../core/destroy.ts'
import {inspectProject, removeProject, requireRemovable, type MadeProject} from '../core/project/delete.ts'
import {command} from '../core/suggestion.ts'

interface Destroyed extends DestroyResult {
  /** Whether the local cloud was removed as well, process and files. */
  readonly localCloudRemoved: boolean
  /** Whether the project that `setup --create-project` created was deleted as well. */
  readonly projectDeleted: boolean
}

const NOTHING: Destroyed = {
  removed: [],
  left: [],
  imagesRemoved: 0,
  localCloudRemoved: false,
  projectDeleted: false,
}

export default class Destroy extends CloudRunnerCommand {
  static override summary = 'Delete the pipeline with all its files and results.'
  static override description = `Lists what will be lost, then asks for the pipeline's name. Destroying a folder's last local pipeline also removes the local cloud, process and files, unless it has other resources or snapshots. It is not an error if nothing exists.

On Google Cloud the buckets are emptied, including all versions, and Terraform destroys the resources. It then checks with Google what is left: if anything is, it is listed and the exit code is 1. APIs stay enabled, and a bucket with Terraform's state is kept. A project created by setup --create-project can be deleted as well. You are asked about it separately; no other project is ever deleted.`
  static override examples = [
    {description: 'Confirm by typing the name', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> --confirm cloud-runner',
    },
    {
      description: 'Also delete the project that setup --create-project created',
      command: '<%= config.bin %> <%= command.id %> --confirm cloud-runner --delete-project my-project-123',
    },
  ]
  static override flags = {
    confirm: confirmFlag,
    'delete-project': Flags.string({
      summary: 'Also delete the project with this id, if setup --create-project created it.',
      helpValue: '<id>',
    }),
  }

  protected override readonly isForNew = true

  override async run(): Promise<Destroyed> {
    const {flags} = await this.parse(Destroy)
    const config = await this.configure(flags)
    const {name, project, target: where} = config.settings
    const doomed = flags['delete-project']
    if (where === 'gcp') this.waitForTerraform()
    if (!(await hasTarget(config))) {
      this.print([`Nothing to destroy: there is no pipeline in ${config.folder}.`])
      return NOTHING
    }
    await using target = await this.open(config, {create: false})
    const made = where === 'gcp' ? await inspectProject(target.context()) : undefined
    if (made === 'deleted') {
      this.print([`Nothing to destroy: project ${project} is deleted, and the pipeline with it.`])
      return NOTHING
    }
    if (doomed !== undefined) requireRemovable(doomed, made, target.context())
    const loss = await inspectLoss(target.context())
    if (loss.exists) {
      await confirmByName({
        name,
        given: flags.confirm,
        consequences: showLoss(loss, name),
        command: command(
          'destroy',
          '--confirm',
          name,
          ...(doomed === undefined ? [] : ['--delete-project', doomed]),
        ),
        interactive: !this.jsonEnabled(),
        signal: this.signal,
      })
    } else if (where === 'gcp') {
      await target.removeUnused()
      this.print([`Nothing to destroy: there is no pipeline ${name} in project ${project}.`])
      return {...NOTHING, projectDeleted: await this.#deleteProject(made, doomed, target)}
    }
    const result = await this.task(
      `Destroy pipeline ${name}`,
      (step) => destroy(target.context(step)),
      ({left}) => left.length > 0,
    )
    const isGone = result.left.length === 0
    const localCloudRemoved = isGone && (await target.removeUnused())
    this.print(showDestroyed(result, config.settings, localCloudRemoved, this.render))
    if (!isGone) process.exitCode = 1
    const projectDeleted = isGone && (await this.#deleteProject(made, doomed, target))
    return {...result, localCloudRemoved, projectDeleted}
  }

  /** Deletes the project if cloud-runner created it and its id was given, by flag or at the prompt; else says that it stays. */
  async #deleteProject(
    made: MadeProject | undefined,
    doomed: string | undefined,
    target: OpenTarget,
  ): Promise<boolean> {
    if (made === undefined) return false
    const {project, pipelines} = made
    const agreed =
      doomed !== undefined ||
      (pipelines.length === 0 &&
        !this.jsonEnabled() &&
        (await askForName(project, showProjectLoss(made), this.signal)))
    if (agreed) await this.task(`Delete project ${project}`, (step) => removeProject(target.context(step)))
    this.print(showProject(made, agreed, this.render))
    return agreed
  }
}
