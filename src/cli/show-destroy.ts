import type {DestroyResult, Loss} from '../core/destroy.ts'
import type {Settings} from '../core/pipeline/settings.ts'
import {bytes, counted} from './format.ts'

/** What `destroy` would take away, for the person who is asked. */
export function showLoss({inputs, results, resources}: Loss, pipeline: string): string[] {
  const unfetched = results.notFetched === 0 ? '' : `, ${results.notFetched} of them never fetched`
  return [
    `Pipeline ${pipeline} will be destroyed for good:`,
    `  ${counted(resources.length, 'resource')}`,
    `  ${counted(inputs.objects, 'input file')} (${bytes(inputs.bytes)})`,
    `  ${counted(results.objects, 'result')} (${bytes(results.bytes)})${unfetched}`,
  ]
}

/** What `destroy` removed, what it had to leave, and what stays on purpose. */
export function showDestroyed(
  {removed, left, imagesRemoved}: DestroyResult,
  {name, target, project, state}: Pick<Settings, 'name' | 'target' | 'project' | 'state'>,
  localCloudRemoved: boolean,
): string[] {
  const gone = counted(removed.length, 'resource')
  if (left.length > 0) {
    return [
      `Pipeline ${name} is not wholly gone: ${gone} removed, ${counted(left.length, 'resource')} left.`,
      ...left.map(({kind, name: resource}) => `Still there: ${kind} ${resource}`),
      'Try again: cloud-runner destroy. What Terraform does not know has to be deleted by hand.',
    ]
  }
  return [
    `Pipeline ${name} is gone: ${gone} removed, nothing left.`,
    ...(imagesRemoved === 0 ? [] : [`${counted(imagesRemoved, 'image')} removed from the docker engine.`]),
    ...(localCloudRemoved ? ['The local cloud is stopped and its files are removed.'] : []),
    ...(target === 'gcp' ? [`The APIs of project ${project} stay enabled.`] : []),
    ...(target === 'gcp' && state !== undefined ? [`The state stays in ${state}, every version of it.`] : []),
  ]
}
