import {expect, it} from 'vitest'
import {startRun} from './local-run.ts'

const LOCATION = 'v2/projects/p/locations/europe-west3'

async function start(): Promise<{
  service: (resources: object, template?: object) => Promise<string>
  job: (resources: object) => Promise<string>
}> {
  const {origin} = await startRun()
  /** @returns the message of the refusal; empty if it is accepted */
  const create = async (query: string, body: object): Promise<string> => {
    const url = `${origin}/${LOCATION}/${query}=ok&validateOnly=true`
    const response = await fetch(url, {method: 'POST', body: JSON.stringify(body)})
    if (response.ok) return ''
    const {error}: {error: {status: string; message: string}} = JSON.parse(await response.text())
    expect(error.status).toBe('INVALID_ARGUMENT')
    return error.message
  }
  return {
    service: (resources, template) =>
      create('services?serviceId', {template: {containers: [{image: 'x', resources}], ...template}}),
    job: (resources) => create('jobs?jobId', {template: {template: {containers: [{image: 'x', resources}]}}}),
  }
}

it('offers a service the CPUs and memory of Cloud Run, and no others', async () => {
  const {service} = await start()
  for (const [limits, message] of [
    [{cpu: '3'}, /Must be equal to one of \[\.08-1\], 1\.0, 2\.0, 4\.0, 6\.0, 8\.0, not "3"/],
    [{cpu: '1500m'}, /Must be equal to one of/],
    [{cpu: '0.07'}, /Must be equal to one of/],
    [{cpu: 'two'}, /limits\.cpu: Could not parse Quantity "two"/],
    [{memory: 'much'}, /limits\.memory: Could not parse Quantity "much"/],
    [{memory: '1Mi'}, /For 1\.0 CPU, memory must be between 128Mi and 4Gi inclusive/],
    [{cpu: '2', memory: '9Gi'}, /For 2\.0 CPU, memory must be between 128Mi and 8Gi inclusive/],
    [{cpu: '4', memory: '1Gi'}, /For 4\.0 CPU, memory must be between 2Gi and 16Gi inclusive/],
    [{cpu: '4', memory: '2G'}, /must be between 2Gi and 16Gi inclusive, not 2G\./],
    [{cpu: '6000m', memory: '2Gi'}, /For 6\.0 CPU, memory must be between 4Gi and 24Gi inclusive/],
    [{cpu: '8'}, /For 8\.0 CPU, memory must be between 4Gi and 32Gi inclusive, not 512Mi/],
    [{cpu: '0.5', memory: '2Gi'}, /For 0\.5 CPU, memory must be between 128Mi and 1Gi inclusive/],
    [{'ephemeral-storage': '1Gi'}, /only cpu and memory limits are supported/],
  ] as const)
    expect(await service({limits, cpuIdle: true})).toMatch(message)
  for (const limits of [
    {},
    {cpu: '80m', memory: '128Mi'},
    {cpu: '1.0', memory: '4096Mi'},
    {cpu: '8', memory: '32Gi'},
  ])
    expect(await service({limits, cpuIdle: true})).toBe('')
})

it('offers less only to a service of the first generation, with CPU during requests, one at a time', async () => {
  const {service} = await start()
  const [little, slow] = [{limits: {memory: '256Mi'}}, {limits: {cpu: '500m'}}]
  expect(await service(little)).toMatch(
    /Total memory < 512 Mi is not supported with cpu always allocated \(unthrottled\)\./,
  )
  expect(await service(slow)).toMatch(/Total cpu < 1 is not supported with cpu always allocated/)
  const secondGeneration = {executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2'}
  expect(await service({...little, cpuIdle: true}, secondGeneration)).toMatch(
    /Total memory < 512 Mi is not supported with gen2 execution environment\./,
  )
  expect(await service({...slow, cpuIdle: true}, {maxInstanceRequestConcurrency: 2})).toMatch(
    /Total cpu < 1 is not supported with concurrency > 1/,
  )
  expect(await service({...slow, cpuIdle: true}, {maxInstanceRequestConcurrency: 1})).toBe('')
})

it('offers a job a CPU and 512 MiB at least', async () => {
  const {job} = await start()
  expect(await job({limits: {memory: '256Mi'}})).toMatch(
    /Total memory < 512 Mi is not supported with gen2 execution environment with cpu always allocated/,
  )
  expect(await job({limits: {cpu: '500m'}})).toMatch(/Total cpu < 1 is not supported with gen2/)
  expect(await job({limits: {cpu: '4', memory: '1Gi'}})).toMatch(/memory must be between 2Gi and 16Gi/)
  expect(await job({cpuIdle: true})).toMatch(/CPU idle must be set to false/)
  expect(await job({limits: {cpu: '2', memory: '512Mi'}})).toBe('')
})
