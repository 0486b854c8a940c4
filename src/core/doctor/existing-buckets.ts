import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import type {Check} from './check.ts'
import {gcloudFor} from '../gcloud.ts'

/** What `setup` does on an existing bucket: it adds grants, and on the input bucket a notification. */
const PERMISSIONS = {
  inputBucket: ['storage.buckets.getIamPolicy', 'storage.buckets.setIamPolicy', 'storage.buckets.update'],
  outputBucket: ['storage.buckets.getIamPolicy', 'storage.buckets.setIamPolicy'],
} as const

const DAY_SECONDS = 86_400

/**
 * Checks the existing buckets that the settings name, before anything is created: that each exists, that the caller
 * may add what the pipeline needs, and that objects of the input bucket can be deleted if `afterwards` removes them.
 */
export async function checkExistingBuckets({cloud, pipeline, step}: Context): Promise<Check[]> {
  const {settings} = pipeline
  const checks: Check[] = []
  for (const setting of ['inputBucket', 'outputBucket'] as const) {
    const name = settings[setting]
    if (name === undefined) continue
    step(`Inspect bucket ${name}`)
    const fail = (detail: string, fix: string): void => {
      checks.push({name: 'existing bucket', state: 'failed', detail, fix: gcloudFor(settings, fix)})
    }
    try {
      const bucket = await cloud.project.bucket(name, PERMISSIONS[setting])
      if (bucket === undefined) {
        const detail = `There is no bucket ${name}, which the setting ${setting} names.`
        fail(detail, `gcloud storage buckets create gs://${name}`)
        continue
      }
      const {missingPermissions, retentionSeconds, holdsNewObjects} = bucket
      const removes = setting === 'inputBucket' && settings.afterwards !== 'keep'
      const reason = `and afterwards is ${settings.afterwards}, which removes each input once its result exists`
      if (missingPermissions.length > 0) {
        const principal = await cloud.project.principal()
        fail(
          `${principal} lacks ${missingPermissions.join(', ')} on ${name}`,
          `gcloud storage buckets add-iam-policy-binding gs://${name} --member=${principal} --role=roles/storage.admin`,
        )
      } else if (removes && retentionSeconds !== undefined) {
        fail(
          `the retention policy of ${name} keeps each object for ${durationText(retentionSeconds)}, ${reason}. Set afterwards to keep, or clear the policy.`,
          `gcloud storage buckets update gs://${name} --clear-retention-period`,
        )
      } else if (removes && holdsNewObjects) {
        fail(
          `${name} puts a hold on each new object, ${reason}. Set afterwards to keep, or turn the default off.`,
          `gcloud storage buckets update gs://${name} --no-default-event-based-hold`,
        )
      } else checks.push({name: 'existing bucket', state: 'ok', detail: name})
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'permission-denied') throw error
      fail(
        `${name}, which the setting ${setting} names, belongs to someone else or is not visible to you: ${error.message}`,
        `gcloud storage buckets describe gs://${name}`,
      )
    }
  }
  return checks
}

function durationText(seconds: number): string {
  const days = seconds / DAY_SECONDS
  return Number.isInteger(days) ? `${days} ${days === 1 ? 'day' : 'days'}` : `${seconds} seconds`
}
