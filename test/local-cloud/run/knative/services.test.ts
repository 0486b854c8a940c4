import {describe, expect, it} from 'vitest'
import {resolveLocation} from '../../../../src/local-cloud/run/knative/locations.ts'
import {ECHO, LOCATION, type LocalRun, startRun} from '../local-run.ts'

type Json = Record<string, unknown>

const NAMESPACE = '/apis/serving.knative.dev/v1/namespaces/p'

async function ask(
  {origin}: LocalRun,
  method: string,
  path: string,
  body?: object,
): Promise<{status: number; body: Json}> {
  const response = await fetch(`${origin}${path}`, {method, ...(body ? {body: JSON.stringify(body)} : {})})
  return {status: response.status, body: asJson(await response.json())}
}

/** The service once its revision is ready, or has failed. */
async function settled(local: LocalRun): Promise<Json> {
  const read = async (): Promise<Json> => (await ask(local, 'GET', `${NAMESPACE}/services/worker`)).body
  await expect.poll(read).not.toHaveProperty('status.conditions.0.status', 'Unknown')
  return read()
}

function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null ? {...value} : {}
}

function service(image: string, {template = {}, ...metadata}: Json & {template?: object} = {}): Json {
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      name: 'worker',
      namespace: 'p',
      labels: {'cloud.googleapis.com/location': 'europe-west3', team: 'a'},
      ...metadata,
    },
    spec: {
      template: {
        metadata: {labels: {'client.knative.dev/nonce': 'abc'}, ...template},
        spec: {
          containerConcurrency: 2,
          timeoutSeconds: 60,
          containers: [
            {
              image,
              env: [{name: 'A', value: '1'}],
              ports: [{name: 'http1', containerPort: 9000}],
              resources: {limits: {memory: '512Mi'}},
            },
          ],
        },
      },
      traffic: [{latestRevision: true, percent: 100}],
    },
  }
}

describe('services in the form of Knative', () => {
  it('are those of the Admin API, created and read either way', async () => {
    const local = await startRun()
    const image = await local.push({files: ECHO})
    const created = await ask(
      local,
      'POST',
      `${NAMESPACE}/services`,
      service(image, {
        annotations: {'run.googleapis.com/ingress': 'internal', 'run.googleapis.com/client-name': 'gcloud'},
        template: {
          annotations: {
            'autoscaling.knative.dev/maxScale': '3',
            'run.googleapis.com/cpu-throttling': 'false',
          },
        },
      }),
    )
    expect(created).toMatchObject({
      status: 200,
      body: {
        kind: 'Service',
        metadata: {name: 'worker', namespace: 'p', generation: 1, labels: {team: 'a'}},
      },
    })
    const ready = await settled(local)
    expect(ready['status']).toMatchObject({
      observedGeneration: 1,
      conditions: [{type: 'Ready', status: 'True'}, {type: 'RoutesReady'}, {type: 'ConfigurationsReady'}],
      url: expect.stringMatching(/^http:/),
    })
    const [v2] = await local.services.getService({name: `${LOCATION}/services/worker`})
    expect(v2).toMatchObject({
      labels: {team: 'a'},
      ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY',
      client: 'gcloud',
      template: {
        maxInstanceRequestConcurrency: 2,
        timeout: {seconds: '60'},
        scaling: {maxInstanceCount: 3},
        containers: [
          {
            image,
            env: [{name: 'A', value: '1'}],
            ports: [{containerPort: 9000}],
            resources: {limits: {memory: '512Mi'}, cpuIdle: false},
          },
        ],
      },
    })
    for (const path of [`${NAMESPACE}/services/worker`, `/v1/${LOCATION}/services/worker`])
      expect((await ask(local, 'GET', path)).body).toEqual(ready)
    expect((await ask(local, 'GET', '/v1/projects/p/locations/-/services')).body).toMatchObject({
      kind: 'ServiceList',
      items: [{metadata: {name: 'worker'}}],
    })
  })

  it('make a revision of a new template, and none of new traffic', async () => {
    const local = await startRun()
    const image = await local.push({files: ECHO})
    // What v2 alone can say stays: CPU without a limit, given always.
    await local.deploy('worker', {containers: [{image, resources: {startupCpuBoost: true}}]})
    const {body: first} = await ask(local, 'GET', `${NAMESPACE}/services/worker`)
    await ask(local, 'PUT', `${NAMESPACE}/services/worker`, {
      ...first,
      spec: {...asJson(first['spec']), traffic: [{latestRevision: true, percent: 100, tag: 'now'}]},
    })
    const second = await settled(local)
    expect(asJson(second['metadata'])['generation']).toBe(2)
    expect(asJson(second['status'])['latestCreatedRevisionName']).toBe(
      asJson(first['status'])['latestCreatedRevisionName'],
    )
    expect(asJson(second['status'])['traffic']).toMatchObject([
      {latestRevision: true, percent: 100, tag: 'now', url: expect.stringMatching(/^http:/)},
    ])

    const stale = await ask(local, 'PUT', `${NAMESPACE}/services/worker`, first)
    expect(stale, 'its resourceVersion is an older one').toMatchObject({
      status: 409,
      body: {error: {status: 'ABORTED'}},
    })

    await ask(local, 'PUT', `${NAMESPACE}/services/worker`, service(image))
    await settled(local)
    const {body} = await ask(
      local,
      'GET',
      `${NAMESPACE}/revisions?labelSelector=serving.knative.dev/service=worker`,
    )
    expect(body['items']).toMatchObject([
      {
        metadata: {labels: {'client.knative.dev/nonce': 'abc'}},
        status: {
          conditions: expect.arrayContaining([expect.objectContaining({type: 'Active', status: 'True'})]),
        },
      },
      {
        metadata: {name: expect.stringMatching(/^worker-00001-/)},
        status: {
          conditions: expect.arrayContaining([expect.objectContaining({type: 'Active', status: 'False'})]),
        },
      },
    ])
    const {body: byNonce} = await ask(
      local,
      'GET',
      `${NAMESPACE}/revisions?labelSelector=${encodeURIComponent('client.knative.dev/nonce = abc')}`,
    )
    expect(byNonce['items']).toHaveLength(1)
  })

  it('report a revision that does not become ready in their conditions', async () => {
    const local = await startRun()
    const {status} = await ask(local, 'POST', `${NAMESPACE}/services`, service('r/missing:latest'))
    expect(status).toBe(200)
    expect((await settled(local))['status']).toMatchObject({
      observedGeneration: 1,
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          message: expect.stringContaining('r/missing:latest'),
          reason: 'RevisionFailed',
        },
        {type: 'RoutesReady', status: 'False'},
        {type: 'ConfigurationsReady', status: 'False'},
      ],
    })
  })

  it.each([
    [{...service('i'), spec: {template: {}, surprise: 1}}, 'Unknown name "surprise" at \'spec\''],
    [
      service('i', {annotations: {'run.googleapis.com/vpc-access-connector': 'c'}}),
      'vpc-access-connector is not served',
    ],
    [service('i', {annotations: {'run.googleapis.com/minScale': 'many'}}), '"many" must be a whole number'],
    [service('i', {labels: {}}), 'The region is missing'],
    [service('i', {generation: 1.5}), "Invalid value at 'metadata.generation' (TYPE_INT32), 1.5"],
  ])('refuse what they do not know: %#', async (sent, message) => {
    const local = await startRun()
    const {status, body} = await ask(local, 'POST', `${NAMESPACE}/services`, sent)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(asJson(body['error'])['message']).toContain(message)
  })

  it('are deleted, and missing ones are not found', async () => {
    const local = await startRun()
    const image = await local.push({files: ECHO})
    await local.deploy('worker', {containers: [{image}]})
    const policy = {bindings: [{role: 'roles/run.invoker', members: ['allUsers']}]}
    const path = `/v1/${LOCATION}/services/worker`
    expect((await ask(local, 'POST', `${path}:setIamPolicy`, {policy})).body).toMatchObject(policy)
    expect((await ask(local, 'GET', `${path}:getIamPolicy`)).body).toMatchObject(policy)
    expect((await ask(local, 'DELETE', path)).body).toEqual({status: 'Success'})
    for (const gone of [path, `${NAMESPACE}/services/worker`, `${NAMESPACE}/revisions/worker-00001-abc`])
      expect((await ask(local, 'GET', gone)).status).toBe(404)
  })
})

it("reads the region from Google's host, which a proxy names", () => {
  const region = (url: string, params = {}): string | undefined => {
    const request = {params, url: new URL(url)}
    return resolveLocation(request)
  }
  expect(region('http://europe-west3-run.googleapis.com/apis')).toBe('europe-west3')
  expect(region('http://run.googleapis.com/apis')).toBeUndefined()
  expect(region('http://127.0.0.1:1/v1', {location: 'us-east1'})).toBe('us-east1')
  expect(region('http://run.googleapis.com/v1', {location: '-'})).toBeUndefined()
})
