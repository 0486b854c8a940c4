import {gcloudFor} from '../gcloud.ts'
import {AppError} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import {command, suggest, type Suggestion} from '../suggestion.ts'

/**
 * What to do so that the results of future runs stay readable once they are replaced; `undefined` if the output bucket
 * keeps versions, or the caller may not see whether it does.
 */
export async function keepVersions({cloud, pipeline}: Context): Promise<Suggestion | undefined> {
  const {settings, names} = pipeline
  if (await keepsVersions(names.outputBucket, cloud.project)) return undefined
  const aim = 'To keep the results of future runs'
  if (settings.outputBucket !== undefined) {
    const typed = `gcloud storage buckets update gs://${names.outputBucket} --versioning`
    return suggest`${aim}, turn on versioning of the existing bucket: ${gcloudFor(settings, typed)}`
  }
  if (settings.versioning) return suggest`${aim}, update the pipeline: ${command('setup')}`
  return `${aim}, set "versioning": true in cloud-runner.json and run setup.`
}

async function keepsVersions(name: string, project: Context['cloud']['project']): Promise<boolean> {
  try {
    return (await project.bucket(name, []))?.keepsVersions ?? true
  } catch (error) {
    if (error instanceof AppError && error.code === 'permission-denied') return true
    throw error
  }
}
