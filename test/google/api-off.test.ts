import {expect, test} from 'vitest'
import {createApiOff} from '../../src/google/api-off.ts'
import {createRest} from '../../src/google/rest.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'

const refusal = (project: string) =>
  new Error(`Cloud Run Admin API has not been used in project ${project} before or it is disabled.`)

test('an API that is off counts in the own project alone, not in the one that the credentials are billed to', async () => {
  const {cloud, endpoint, pipeline} = await startLocalPipeline({project: 'our-project-1'})
  const {project: projectId, region} = pipeline.settings
  const isOffHere = createApiOff(projectId, createRest({projectId, region, endpoint}))
  const number = (await cloud.project.state())?.number ?? ''
  expect(await isOffHere(refusal(number))).toBe(true)
  expect(await isOffHere(refusal(projectId))).toBe(true)
  expect(await isOffHere(refusal('764086051850'))).toBe(false)
  expect(await isOffHere(new Error('Permission denied.'))).toBe(false)
})

test('the project of an API is unknown if the project does not give its number', async () => {
  const {endpoint, pipeline} = await startLocalPipeline({project: 'our-project-1'}, {projects: []})
  const {project: projectId, region} = pipeline.settings
  const isOffHere = createApiOff(projectId, createRest({projectId, region, endpoint}))
  expect(await isOffHere(refusal('764086051850'))).toBe(false)
})
