import type {Context} from '../ports/context.ts'
import type {BuildRecipe, SourceBucket} from '../ports/builds.ts'
import type {Pipeline} from '../settings/pipeline.ts'
import {withBuildContext} from './build-context.ts'
import {dockerfileOf, type Buildable} from './choose-builder.ts'
import {archiveSource} from './source-archive.ts'
import {WORKER_LABEL, workerLabel} from './worker-label.ts'

/** Holds a worker's source while Cloud Build builds it. */
export function sourceBucketOf({settings: {project, name}}: Pipeline): SourceBucket {
  return {name: `${project}-${name}-source`, pipeline: name}
}

/** Builds the worker with Cloud Build: its Dockerfile, or buildpacks for a `Procfile` without one. */
export async function buildByCloudBuild(worker: Buildable, context: Context, push: boolean): Promise<string> {
  const {workerFolder, declared} = worker
  const {cloud, pipeline, signal, step} = context
  const build = (folder: string, recipe: BuildRecipe) =>
    cloud.builds.build({
      source: archiveSource(folder, recipe === 'buildpacks' ? undefined : recipe.dockerfile),
      recipe,
      image: `${pipeline.names.image}:built`,
      labels: {[WORKER_LABEL]: workerLabel(workerFolder, context)},
      push,
      bucket: sourceBucketOf(pipeline),
      signal,
      step,
    })
  const digest =
    workerFolder !== undefined && declared !== undefined && dockerfileOf(worker) === undefined
      ? await build(workerFolder, 'buildpacks')
      : await withBuildContext(worker, context, (folder, dockerfile) => build(folder, {dockerfile}))
  return digest === undefined ? `${pipeline.names.image}:build` : `${pipeline.names.image}@${digest}`
}
