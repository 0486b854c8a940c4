import {countStates, type FileStatus} from '../../src/core/files/files.ts'
import type {Status} from '../../src/core/status.ts'

/** The status of a pipeline that works. @param more files that are done and not listed */
export function statusOf(files: readonly FileStatus[], more = 0): Status {
  const counts = countStates(files)
  return {
    pipeline: {
      name: 'p',
      target: 'local',
      project: 'project',
      region: 'europe-west3',
      inputBucket: 'in',
      outputBucket: 'out',
      topic: 'p-uploads',
      subscription: 'p-push',
      service: 'p',
      image: undefined,
      model: undefined,
      revision: 'p-00001-abc',
      traffic: [{revision: 'p-00001-abc', percent: 100}],
      uri: undefined,
      ready: true,
      problem: undefined,
      failing: [],
    },
    files,
    counts: {...counts, done: counts.done + more},
    total: files.length + more,
    more,
  }
}
