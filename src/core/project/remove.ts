import type {Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {withLock} from '../lock.ts'

/** A project that `setup --create-project` made, and what would be deleted with it. */
export interface MadeProject {
  readonly project: string
  /** Buckets of no pipeline of ours: that of Terraform's state, and whatever else somebody put there. */
  readonly buckets: readonly string[]
  /** Other pipelines in it, by name: while there is one, the project is not deleted. */
  readonly pipelines: readonly string[]
}

/** @returns `undefined` where the project is the user's own, or may not be looked at */
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
 * Whether a project may be deleted that was asked for by name.
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
        `If it is meant: cloud-runner destroy --delete-project ${project}`,
      ],
    })
  }
  if (made === undefined) {
    throw new AppError(`Project ${project} was not made by cloud-runner, and is never deleted by it.`, {
      code: 'project-not-ours',
      exitCode: EXIT.usage,
      suggestions: [
        'Remove the pipeline alone: cloud-runner destroy',
        `The project, by yourself: gcloud projects delete ${project}`,
      ],
    })
  }
  const [other] = made.pipelines
  if (other !== undefined) {
    throw new AppError(`There is another pipeline in project ${project}: ${made.pipelines.join(', ')}.`, {
      code: 'conflict',
      suggestions: [`Destroy that first: cloud-runner destroy --project ${project} --pipeline ${other}`],
    })
  }
  return made
}

/** Deletes the project; whose it is is looked at once more. @throws AppError `project-not-ours`, `conflict`, `locked` */
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
