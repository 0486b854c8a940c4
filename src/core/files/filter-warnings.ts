import {isWanted, RESERVED_PREFIX, type Filter} from '../../../worker/contract.ts'
import {AppError} from '../errors.ts'
import type {Settings} from '../settings/settings.ts'
import type {Context} from '../ports/context.ts'

/** Objects that are compared with the filter: a page of a listing. */
const MOST_COMPARED = 1000

/** Warns if the input bucket has objects, but the filter matches none of them. */
export async function filterWarnings({cloud, pipeline}: Context): Promise<string[]> {
  const {settings} = pipeline
  const {filter}: {filter: Filter} = settings
  const {inputBucket} = pipeline.names
  if (filter.prefix === undefined && filter.suffix === undefined) return []
  const objects = async function* (prefix = '') {
    for await (const {name} of cloud.objects.list(inputBucket, {prefix}))
      if (!name.startsWith(RESERVED_PREFIX)) yield name
  }
  try {
    let compared = 0
    for await (const name of objects(filter.prefix)) {
      compared++
      if (isWanted(name, settings) || compared === MOST_COMPARED) return []
    }
    for await (const name of objects())
      return [
        `The filter (${filterText(filter)}) matches no object in bucket ${inputBucket}, not even ${name}.`,
      ]
    return []
  } catch (error) {
    if (error instanceof AppError && error.code === 'not-found') return []
    throw error
  }
}

/** Which of these objects the pipeline leaves out, by its filter or because they lie in the archive. */
export function ignoredObjects(
  objects: readonly string[],
  settings: Pick<Settings, 'filter' | 'afterwards'>,
): string[] {
  return objects.filter((object) => !isWanted(object, settings))
}

/** Whether the pipeline leaves this object out because it lies in the archive, whatever the filter. */
export function isArchived(
  object: string,
  {filter, afterwards}: Pick<Settings, 'filter' | 'afterwards'>,
): boolean {
  return !isWanted(object, {filter, afterwards}) && isWanted(object, {filter, afterwards: 'keep'})
}

/** `prefix in/, suffix .csv` */
export function filterText({prefix, suffix}: Filter): string {
  return [
    ...(prefix === undefined ? [] : [`prefix ${prefix}`]),
    ...(suffix === undefined ? [] : [`suffix ${suffix}`]),
  ].join(', ')
}
