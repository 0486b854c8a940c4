import type {OpenTarget} from '../targets.ts'
import type {NameKind} from './wanted.ts'

/** A shell shows no more, and a bucket may have millions. */
const MOST_OBJECTS = 200

/**
 * Names of objects or revisions that begin with `prefix`, in a pipeline that is set up; objects at most 200.
 * @throws AppError
 */
export async function namesIn(
  target: OpenTarget,
  kind: Extract<NameKind, 'object' | 'revision'>,
  prefix: string,
): Promise<string[]> {
  const {cloud, pipeline} = target.context()
  if (kind === 'revision') {
    const revisions = await cloud.services.revisions(pipeline.names.service)
    return revisions.map(({name}) => name).filter((name) => name.startsWith(prefix))
  }
  const names: string[] = []
  for await (const {name} of cloud.objects.list(pipeline.names.inputBucket, {prefix})) {
    names.push(name)
    if (names.length === MOST_OBJECTS) break
  }
  return names
}
