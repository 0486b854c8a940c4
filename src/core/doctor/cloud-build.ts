import {chooseBuilder} from '../deploy/choose-builder.ts'
import {readWorkerCommand} from '../command-worker/command.ts'
import {AppError} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import type {Check} from './check.ts'
import {checkNeeds, CLOUD_BUILD} from './needs.ts'

const API = 'cloudbuild.googleapis.com'

/** Checks what Cloud Build needs, if it builds this worker, since no docker engine answers. */
export async function checkCloudBuild(workerFolder: string | undefined, context: Context): Promise<Check[]> {
  const {cloud, pipeline, step} = context
  if (workerFolder === undefined) return []
  step('Choose the builder')
  const name = 'Cloud Build'
  const {project} = pipeline.settings
  try {
    const declared = await readWorkerCommand(workerFolder)
    if ((await chooseBuilder(undefined, {workerFolder, declared}, context)) !== 'cloudbuild') return []
    if (!(await cloud.project.enabledApis()).has(API)) {
      const detail = `it builds ${workerFolder}, and its API is disabled`
      return [{name, state: 'failed', detail, fix: `gcloud services enable ${API} --project ${project}`}]
    }
    return await checkNeeds(CLOUD_BUILD, {name, granted: `may build ${workerFolder}`}, context)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [{name: 'worker', state: 'failed', detail: error.message}]
  }
}
