import {expect} from 'vitest'
import type {LocalCloudProcess} from '../../support/local-cloud-process.ts'
import {buildImage, pushImage} from '../../support/oci-image.ts'
import {call, type Client, Counter, record} from './client.ts'

const LOCATION = 'projects/p-test/locations/europe-west3'
const SERVICE = `/v2/${LOCATION}/services/deployed`

const TELLS_VALUE = {
  'app/main.js':
    "require('node:http').createServer((q, s) => s.end(process.env.VALUE)).listen(process.env.PORT)",
}

/** Deploys a service again and again, each time with a higher value in its environment. */
export function deployingClient(): Client {
  const counter = new Counter()
  let image = ''
  const service = (value: number): object => ({
    template: {
      containers: [{image, env: [{name: 'VALUE', value: String(value)}]}],
      scaling: {maxInstanceCount: 1},
    },
    invokerIamDisabled: true,
  })
  /** The service once nothing is being deployed any more. */
  const settled = async (cloud: LocalCloudProcess): Promise<Record<string, unknown>> => {
    const get = () => call(cloud, 'GET', SERVICE)
    await expect.poll(get).not.toMatchObject({reconciling: true})
    return get()
  }
  return {
    get acknowledged() {
      return counter.acknowledged
    },
    async prepare(cloud) {
      await call(cloud, 'POST', `/v1/${LOCATION}/repositories?repository_id=r`, {format: 'DOCKER'})
      image = await pushImage(cloud.endpoint, 'p-test/r/value', await buildImage({files: TELLS_VALUE}))
      await call(cloud, 'POST', `/v2/${LOCATION}/services?serviceId=deployed`, service(0))
    },
    work: (cloud) =>
      counter.raise(async (value) => {
        const {done, error, response} = await call(cloud, 'PATCH', SERVICE, service(value))
        if (done !== true || error !== undefined) throw new Error(`deploy ${value}: ${JSON.stringify(error)}`)
        expect(Number(record(response)['generation'])).toBe(value + 1)
      }),
    async check(cloud) {
      const current = await settled(cloud)
      const value = Number(current['generation']) - 1
      expect(counter.possible, 'the deployment that was acknowledged').toContain(value)
      expect(current['latestReadyRevision']).toBe(current['latestCreatedRevision'])
      await call(cloud, 'GET', `/v2/${String(current['latestReadyRevision'])}`)
      const answer = await fetch(String(current['uri']))
      expect([answer.status, await answer.text()]).toEqual([200, String(value)])
      counter.settle(value)
    },
  }
}
