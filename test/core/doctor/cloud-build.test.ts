import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {checkCloudBuild} from '../../../src/core/doctor/cloud-build.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

test('a worker that Cloud Build builds needs its API; one that docker builds, and the packaged one, do not', async () => {
  const local = await startLocalPipeline({project: 'my-project-123', target: 'gcp'})
  const cloud = {...local.cloud, isLocal: false}
  const withDocker = (answers: boolean) => ({
    ...local,
    cloud,
    engine: {...local.engine, answers: () => Promise.resolve(answers)},
  })
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\n')
  expect(await checkCloudBuild(folder, withDocker(true))).toEqual([])
  expect(await checkCloudBuild(undefined, withDocker(false))).toEqual([])
  expect(await checkCloudBuild(folder, withDocker(false))).toEqual([
    {
      name: 'Cloud Build',
      state: 'failed',
      detail: `it builds ${folder}, and its API is disabled`,
      fix: 'gcloud services enable cloudbuild.googleapis.com --project my-project-123',
    },
  ])
  await cloud.project.enableApis(['cloudbuild.googleapis.com'], {signal: local.signal})
  expect(await checkCloudBuild(folder, withDocker(false))).toMatchObject([{state: 'ok'}])
  await writeFile(join(folder, 'Procfile'), 'worker: none\n')
  expect(await checkCloudBuild(folder, withDocker(false))).toMatchObject([{name: 'worker', state: 'failed'}])
})
