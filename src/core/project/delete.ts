import type {Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {withLock} from '../lock.ts'
import {command, suggest, synopsis} from '../suggestion.ts'

/** A project that `setup --create-project` created, and what would be deleted with it. */
export interface MadeProject {
  readonly project: string
  /** Buckets that belong to no pipeline: that of Terraform's state, and any others. */
  readonly buckets: readonly string[]
  /** Names of other pipelines in it; while there are any, the project is not deleted. */
  readonly pipelines: readonly string[]
}

/** @returns `undefined` if cloud-runner did not create the project, or it cannot be read */
export async function inspectProject({
  cloud,
  pipeline,
}: Context): Promise<MadeProject | 'deleted' | undefined> {
  const {project, name} = pipeline.settings
  const state = await cloud.project.state()
  if (state?.active === false) return 'deleted'
  if (state?.madeFor === undefined) return undefined
  const buckets = await cloud.project.buckets()
  const others = buckets.flatMap((bucket) => bucket.pipeline ?? []).filter((other) => other !== name)
  return {
    project,
    buckets: buckets.filter((bucket) => bucket.pipeline === undefined).map((bucket) => bucket.name),
    pipelines: [...new Set(others)],
  }
}

/**
 * Checks that the project named for deletion may be deleted.
 * @throws AppError `confirmation-mismatch`, `project-not-ours`, `conflict`
 */
export function requireRemovable(
  asked: string,
  made: MadeProject | undefined,
  {pipeline}: Pick<Context, 'pipeline'>,
): MadeProject {
  const {project} = pipeline.settings
  if (asked !== project) {
    throw new AppError(`--delete-project is "${asked}", but the project is "${project}".`, {
      code: 'confirmation-mismatch',
      exitCode: EXIT.usage,
      suggestions: [
        'Nothing was changed.',
        suggest`To delete it: ${synopsis('destroy', '--delete-project', project)}`,
      ],
    })
  }
  if (made === undefined) {
    throw new AppError(`cloud-runner did not create project ${project} and will not delete it.`, {
      code: 'project-not-ours',
      exitCode: EXIT.usage,
      suggestions: [
        suggest`Remove only the pipeline: ${command('destroy')}`,
        `Delete the project yourself: gcloud projects delete ${project}`,
      ],
    })
  }
  const [other] = made.pipelines
  if (other !== undefined) {
    throw new AppError(`Project ${project} has other pipelines: ${made.pipelines.join(', ')}.`, {
      code: 'conflict',
      suggestions: [
        suggest`Destroy each of them first: ${command('destroy', '--project', project, '--pipeline', other)}`,
      ],
    })
  }
  return made
}

/** Deletes the project after checking its owner again. @throws AppError `project-not-ours`, `conflict`, `locked` */
export async function removeProject(context: Context): Promise<void> {
  const {cloud, pipeline, signal, step} = context
  const {project} = pipeline.settings
  await withLock('destroy', context, async () => {
    const made = await inspectProject(context)
    if (made === 'deleted') return
    requireRemovable(project, made, context)
    step(`Delete project ${project}`)
    await cloud.project.delete({signal})
  })
}
