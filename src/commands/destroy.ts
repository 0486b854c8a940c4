import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {askForName, confirmByName} from '../cli/confirm.ts'
import {hasTarget, type OpenTarget} from '../cli/open.ts'
import {showDestroyed, showLoss} from '../cli/show-destroy.ts'
import {showProject, showProjectLoss} from '../cli/show-project.ts'
import {destroy, inspectLoss, type DestroyResult} from '../core/destroy.ts'
import {inspectProject, removeProject, requireRemovable, type MadeProject} from '../core/project/remove.ts'

interface Destroyed extends DestroyResult {
  /** Whether the local cloud, its process and its files, is gone with it. */
  readonly localCloudRemoved: boolean
  /** Whether the project, which `setup --create-project` made, is deleted too. */
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
  static override summary = 'Remove the pipeline with all its files and results.'
  static override description = `Says what will be lost and asks for the pipeline's name. With the last pipeline of a folder the local cloud goes as well, process and files. Nothing there is no error. On Google Cloud the buckets are emptied, all versions too, Terraform destroys, and Google is then asked what is left: 1 with the list, where there is anything. APIs stay enabled, and a bucket of Terraform's state stays. A project that setup --create-project made can be deleted as well: that is asked for by itself, and no other project ever is.`
  static override examples = [
    {description: 'Asks for the name', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'For a script',
      command: '<%= config.bin %> <%= command.id %> --confirm cloud-runner',
    },
    {
      description: 'With the project that setup --create-project made',
      command: '<%= config.bin %> <%= command.id %> --confirm cloud-runner --delete-project my-project-123',
    },
  ]
  static override flags = {
    confirm: Flags.string({summary: "The pipeline's name, instead of the question.", helpValue: '<name>'}),
    'delete-project': Flags.string({
      summary: 'Id of the project, to delete it as well: only one that setup --create-project made.',
      helpValue: '<id>',
    }),
  }

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
        command: [
          this.config.bin,
          'destroy',
          ...(flags.project ? ['--project', flags.project] : []),
          ...(flags.pipeline ? ['--pipeline', name] : []),
          '--confirm',
          name,
          ...(doomed === undefined ? [] : ['--delete-project', doomed]),
        ].join(' '),
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
    this.print(showDestroyed(result, config.settings, localCloudRemoved))
    if (!isGone) process.exitCode = 1
    const projectDeleted = isGone && (await this.#deleteProject(made, doomed, target))
    return {...result, localCloudRemoved, projectDeleted}
  }

  /** Deletes the project where it is ours and its id was given, by the flag or at a question; else says that it stays. */
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
    this.print(showProject(made, agreed))
    return agreed
  }
}
