import {ARCHIVE_PREFIX, RESULT_METADATA} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import type {StoredObject} from '../ports/objects.ts'
import {readCommits, sourceGeneration, type Commits} from './commits.ts'
import type {FileStatus} from './files.ts'

/** An input: in its bucket, archived, or known from its result alone. */
export type Input = Pick<StoredObject, 'name' | 'generation' | 'sizeBytes' | 'timeCreated'> &
  Pick<FileStatus, 'input'>

/** The archived copy of an input, if there is one: other objects of that name do not count. */
export async function findArchived(
  object: string,
  {cloud, pipeline}: Pick<Context, 'cloud' | 'pipeline'>,
): Promise<StoredObject | undefined> {
  const copy = await cloud.objects.stat(pipeline.names.inputBucket, `${ARCHIVE_PREFIX}${object}`)
  return sourceGeneration(copy) === undefined ? undefined : copy
}

/**
 * An object that has left the input bucket after its result. Its commits are read here, since a worker writes the
 * result before it removes the input.
 * @returns `undefined` if it has no result either
 */
export async function findDeparted(
  object: string,
  context: Context,
): Promise<{input: Input; commits: Commits} | undefined> {
  const {cloud, pipeline} = context
  const [commits, copy] = await Promise.all([
    readCommits(cloud.objects, pipeline.names.outputBucket, object),
    findArchived(object, context),
  ])
  const {result} = commits
  const generation = sourceGeneration(result)
  if (result === undefined || generation === undefined) return undefined
  const state = sourceGeneration(copy) === generation ? 'archived' : 'deleted'
  return {input: departed(result, generation, state), commits}
}

/** An input by its result. @param input what became of it; `undefined`: nothing, or it does not matter */
export function departed(
  {name, timeCreated, metadata}: StoredObject,
  generation: string,
  input: FileStatus['input'],
): Input {
  return {
    name: metadata[RESULT_METADATA.sourceObject] ?? name,
    generation,
    sizeBytes: Number(metadata[RESULT_METADATA.sourceSize] ?? 0),
    timeCreated:
      metadata[RESULT_METADATA.sourceCreated] ?? metadata[RESULT_METADATA.published] ?? timeCreated,
    ...(input === undefined ? {} : {input}),
  }
}
