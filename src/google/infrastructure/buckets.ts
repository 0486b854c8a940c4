import {ownBuckets, type Pipeline} from '../../core/settings/pipeline.ts'
import type {Rest} from '../rest.ts'
import {emptyBucket} from './empty-bucket.ts'

/** Operations on buckets other than creating them. */
export interface Buckets {
  /** Deletes every object in the buckets that the pipeline created, all generations; a missing bucket is fine. */
  empty(pipeline: Pipeline, doing: {signal: AbortSignal; step: (text: string) => void}): Promise<void>
  /**
   * Whether the bucket of Terraform's state exists. It keeps every version, so a corrupt state can be restored. It
   * carries no pipeline label, since it outlives the pipeline.
   * @param create creates it if it is missing
   */
  forState(pipeline: Pipeline, bucket: string, options: {create: boolean}): Promise<boolean>
}

export function createBuckets(rest: Rest): Buckets {
  return {
    async empty(pipeline, doing) {
      for (const bucket of ownBuckets(pipeline)) {
        doing.step(`Empty bucket ${bucket}`)
        await emptyBucket(rest, bucket, doing)
      }
    },

    async forState({settings}, bucket, {create}) {
      if ((await rest.get('storage', `/storage/v1/b/${bucket}`)) !== undefined) return true
      if (!create) return false
      await rest.request('storage', 'POST', `/storage/v1/b?project=${settings.project}`, {
        name: bucket,
        location: settings.region.toUpperCase(),
        storageClass: 'STANDARD',
        labels: {'cloud-runner-state': settings.name},
        versioning: {enabled: true},
        iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: 'enforced'},
      })
      return true
    },
  }
}
