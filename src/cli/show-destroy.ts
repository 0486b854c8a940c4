import type {DestroyResult, Loss} from '../core/destroy/destroy.ts'
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

/** What `destroy` removed, and what it had to leave. */
export function showDestroyed(
  {removed, left}: DestroyResult,
  pipeline: string,
  localCloudRemoved: boolean,
): string[] {
  return [
    `Pipeline ${pipeline} is gone: ${counted(removed.length, 'resource')} removed.`,
    ...(localCloudRemoved ? ['The local cloud is stopped and its files are removed.'] : []),
    ...left.map(({kind, name}) => `Still there: ${kind} ${name}`),
  ]
}
