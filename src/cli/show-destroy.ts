import type {DestroyResult, Loss} from '../core/destroy.ts'
import type {Settings} from '../core/settings/settings.ts'
import {bytes, counted} from './format.ts'
import {command, suggest, type Render} from '../core/suggestion.ts'

/** What `destroy` would delete, shown before the question. */
export function showLoss({inputs, results, resources}: Loss, pipeline: string): string[] {
  const unfetched = results.notFetched === 0 ? '' : `, ${results.notFetched} of them never downloaded`
  return [
    `Pipeline ${pipeline} will be permanently destroyed:`,
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
  render: Render,
): string[] {
  const gone = counted(removed.length, 'resource')
  if (left.length > 0) {
    return [
      `Pipeline ${name} was only partly removed: ${gone} removed, ${counted(left.length, 'resource')} left.`,
      ...left.map(({kind, name: resource}) => `Still there: ${kind} ${resource}`),
      render(
        suggest`Try again: ${command('destroy')}. Delete by hand anything that Terraform does not manage.`,
      ),
    ]
  }
  return [
    removed.length === 0
      ? `Nothing to destroy: there is no pipeline ${name} on the ${target} target.`
      : `Pipeline ${name} was removed: ${gone}, nothing left.`,
    ...(imagesRemoved === 0 ? [] : [`${counted(imagesRemoved, 'image')} removed from the docker engine.`]),
    ...(localCloudRemoved ? ['The local cloud was stopped and its files were removed.'] : []),
    ...(target === 'local' && !localCloudRemoved
      ? ['The local cloud was kept: it has other resources or snapshots.']
      : []),
    ...(target === 'gcp' ? [`The APIs of project ${project} stay enabled.`] : []),
    ...(target === 'gcp' && state !== undefined ? [`All versions of the state stay in ${state}.`] : []),
  ]
}
