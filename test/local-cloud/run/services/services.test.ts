import {ServicesClient} from '@google-cloud/run'
import {PassThroughClient} from 'google-auth-library'
import {describe, expect, it} from 'vitest'
import {ECHO, LOCATION, startRun} from '../local-run.ts'

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? {...value} : {}
}

describe('the life of a service, through the unmodified client', () => {
  it('is created, read, listed, updated and deleted', async () => {
    const {services, revisions, push} = await startRun()
    const image = await push({files: ECHO, env: ['GREETING=from image', 'KEPT=yes']})
    const name = `${LOCATION}/services/worker`
    const [creation] = await services.createService({
      parent: LOCATION,
      serviceId: 'worker',
      service: {
        labels: {team: 'a'},
        invokerIamDisabled: true,
        template: {
          containers: [{image, env: [{name: 'GREETING', value: 'hello'}]}],
          timeout: {seconds: 540},
          scaling: {maxInstanceCount: 3},
        },
      },
    })
    await creation.promise()
    const [created] = await services.getService({name})
    expect(created).toMatchObject({
      name,
      generation: '1',
      observedGeneration: '1',
      labels: {team: 'a'},
      reconciling: false,
      terminalCondition: {type: 'Ready', state: 'CONDITION_SUCCEEDED'},
      traffic: [{type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100}],
      template: {
        timeout: {seconds: '540'},
        maxInstanceRequestConcurrency: 80,
        scaling: {maxInstanceCount: 3},
      },
      uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:2\d{4}$/),
    })
    expect(created.latestReadyRevision).toMatch(/\/services\/worker\/revisions\/worker-00001-[a-z0-9]{3}$/)
    expect(created.latestCreatedRevision).toBe(created.latestReadyRevision)
    expect(created.trafficStatuses).toMatchObject([
      {revision: created.latestReadyRevision?.split('/').at(-1), percent: 100},
    ])

    const answer: unknown = await (
      await fetch(`${created.uri}/a?b=c`, {method: 'POST', body: 'text', headers: {'x-own': '1'}})
    ).json()
    expect(answer).toMatchObject({
      url: '/a?b=c',
      body: 'text',
      headers: {
        'x-own': '1',
        'x-forwarded-proto': 'http',
        host: created.uri?.replace('http://', ''),
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      },
      env: {
        GREETING: 'hello',
        KEPT: 'yes',
        K_SERVICE: 'worker',
        K_CONFIGURATION: 'worker',
        K_REVISION: created.latestReadyRevision?.split('/').at(-1),
        GOOGLE_CLOUD_PROJECT: 'p',
        PUBSUB_EMULATOR_HOST: expect.stringMatching(/^\d{12}-compute\.test:1$/),
      },
    })
    expect(answer).not.toHaveProperty('env.VITEST')

    const [listed] = await services.listServices({parent: LOCATION})
    expect(listed.map((service) => service.name)).toEqual([name])
    expect((await services.getService({name}))[0]).toMatchObject({etag: created.etag, uid: created.uid})

    const [update] = await services.updateService({
      service: {
        name,
        invokerIamDisabled: true,
        template: {containers: [{image, env: [{name: 'OTHER', value: '2'}]}]},
      },
    })
    await update.promise()
    const [updated] = await services.getService({name})
    expect(updated).toMatchObject({
      generation: '2',
      observedGeneration: '2',
      uid: created.uid,
      createTime: created.createTime,
      uri: created.uri,
      labels: {},
    })
    expect(updated.latestReadyRevision).toMatch(/worker-00002-/)
    const second: unknown = await (await fetch(`${updated.uri}/`)).json()
    expect(second).toMatchObject({env: {OTHER: '2', GREETING: 'from image'}})

    const [all] = await revisions.listRevisions({parent: name})
    expect(all.map((revision) => revision.name)).toEqual([
      updated.latestReadyRevision,
      created.latestReadyRevision,
    ])
    const [old] = await revisions.getRevision({name: created.latestReadyRevision ?? ''})
    expect(old.containers?.[0]?.image).toBe(image)
    expect(old.conditions?.find(({type}) => type === 'Ready')?.state).toBe('CONDITION_SUCCEEDED')
    await expect(revisions.deleteRevision({name: updated.latestReadyRevision ?? ''})).rejects.toMatchObject({
      code: 9,
    })
    await (await revisions.deleteRevision({name: old.name ?? ''}))[0].promise()
    await expect(revisions.getRevision({name: old.name ?? ''})).rejects.toMatchObject({code: 5})

    await expect(services.deleteService({name, etag: '"old"'})).rejects.toMatchObject({code: 10})
    const [deletion] = await services.deleteService({name})
    expect((await deletion.promise())[0].deleteTime).toBeTruthy()
    await expect(services.getService({name})).rejects.toMatchObject({code: 5})
    await expect(fetch(`${updated.uri}/`)).rejects.toThrow('fetch failed')
  })

  it('serves the unmodified client over REST, and says by name what is not served', async () => {
    const {origin, push, deploy} = await startRun()
    await deploy('worker', {containers: [{image: await push({files: ECHO})}]})
    const options = {
      fallback: true,
      protocol: 'http',
      apiEndpoint: '127.0.0.1',
      port: Number(new URL(origin).port),
      authClient: new PassThroughClient(),
      projectId: 'p',
    }
    const rest = new ServicesClient(options)
    const name = `${LOCATION}/services/worker`
    expect((await rest.getService({name}))[0]).toMatchObject({name, generation: '1'})
    const [deletion] = await rest.deleteService({name})
    await deletion.promise()
    await expect(rest.getService({name})).rejects.toMatchObject({code: 5})
    await rest.close()
    const pools = await fetch(`${origin}/v2/${LOCATION}/workerPools`)
    expect([pools.status, await pools.json()]).toMatchObject([
      400,
      {error: {status: 'UNIMPLEMENTED', message: expect.stringContaining('/workerPools')}},
    ])
  })

  it('speaks REST: PATCH without a mask replaces, the operation is done and can be read again', async () => {
    const {origin, push} = await startRun()
    const image = await push({files: ECHO})
    const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
      const response = await fetch(`${origin}/v2/${path}`, {
        method,
        ...(body ? {body: JSON.stringify(body)} : {}),
      })
      return asObject(await response.json())
    }
    const change = async (method: string, path: string, body: object): Promise<Record<string, unknown>> => {
      const {name} = await call(method, path, body)
      return call('POST', `${String(name)}:wait`, {})
    }
    const template = {
      containers: [
        {
          image,
          env: [
            {name: 'B', value: '1'},
            {name: 'A', value: '2'},
          ],
          ports: [{containerPort: 8080}],
        },
      ],
      timeout: '540s',
    }
    const created = await change('POST', `${LOCATION}/services?serviceId=worker`, {
      template,
      labels: {a: 'b'},
      ingress: 'INGRESS_TRAFFIC_ALL',
    })
    expect(created).toMatchObject({
      done: true,
      response: {'@type': 'type.googleapis.com/google.cloud.run.v2.Service', generation: '1'},
    })
    expect(await call('GET', String(created['name']))).toEqual(created)
    expect((await call('GET', `${LOCATION}/operations`))['operations']).toEqual([created])

    // The same template with its variables in another order creates no revision; labels that are not sent are removed.
    const reordered = {
      ...template,
      containers: [{...template.containers[0], env: template.containers[0]?.env.toReversed()}],
    }
    const patched = await change('PATCH', `${LOCATION}/services/worker`, {template: reordered})
    expect(patched).toMatchObject({done: true, response: {generation: '2', template: reordered}})
    expect(patched).not.toHaveProperty('response.labels')
    expect(patched).toHaveProperty('response.latestReadyRevision', expect.stringContaining('worker-00001-'))

    const masked = await change('PATCH', `${LOCATION}/services/worker?updateMask=labels,template.timeout`, {
      labels: {c: 'd'},
      template: {timeout: '60s'},
    })
    expect(masked).toMatchObject({
      response: {labels: {c: 'd'}, template: {timeout: '60s', containers: reordered.containers}},
    })

    const dry = await call('PATCH', `${LOCATION}/services/worker?validateOnly=true`, {
      template: {...template, timeout: '30s'},
    })
    expect(dry).toMatchObject({done: true, response: {generation: '4'}})
    expect(await call('GET', `${LOCATION}/services/worker`)).toMatchObject({
      generation: '3',
      template: {timeout: '60s'},
    })
    expect(await change('PATCH', `${LOCATION}/services/new?allowMissing=true`, {template})).toMatchObject({
      done: true,
      response: {generation: '1'},
    })
  })

  it.each([
    ['Bad_Name', {containers: [{image: 'x'}]}, /service_id/],
    ['a'.repeat(50), {containers: [{image: 'x'}]}, /less than 50/],
    ['a%2Fb', {containers: [{image: 'x'}]}, /service_id: "a\/b"/],
    ['ok', {containers: [{image: 'host/a b:::'}]}, /expected an image path like/],
    ['ok', {containers: [{image: 'host/Repo/image'}]}, /expected an image path like/],
    ['ok', {containers: [{image: 'x'}], labels: {Team: 'a'}}, /lowercase letters/],
    ['ok', {containers: []}, /must have a container/],
    ['ok', {containers: [{}]}, /image: is required/],
    ['ok', {containers: [{image: 'x'}], timeout: '3601s'}, /timeout/],
    ['ok', {containers: [{image: 'x'}], maxInstanceRequestConcurrency: 1001}, /concurrency/],
    ['ok', {containers: [{image: 'x'}], maxInstanceRequestConcurrency: -1}, /concurrency/],
    [
      'ok',
      {containers: [{image: 'x'}], scaling: {minInstanceCount: 3, maxInstanceCount: 2}},
      /min_instance_count/,
    ],
    ['ok', {containers: [{image: 'x', env: [{name: 'PORT', value: '1'}]}]}, /reserved env names.*PORT/],
    ['ok', {containers: [{image: 'x'}], revision: 'other-1'}, /revision/],
  ])('refuses %s %j', async (id, template, message) => {
    const {origin} = await startRun()
    const response = await fetch(`${origin}/v2/${LOCATION}/services?serviceId=${id}`, {
      method: 'POST',
      body: JSON.stringify({template}),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: {status: 'INVALID_ARGUMENT', message: expect.stringMatching(message)},
    })
  })

  it('refuses locations that Google does not have, and shows what it fills in', async () => {
    const {origin} = await startRun()
    const create = async (location: string, image: string): Promise<unknown> =>
      (
        await fetch(
          `${origin}/v2/projects/p1/locations/${location}/services?serviceId=ok&validateOnly=true`,
          {method: 'POST', body: JSON.stringify({template: {containers: [{image}]}})},
        )
      ).json()
    expect(await create('atlantis-1', 'x')).toMatchObject({
      error: {code: 403, message: "Permission denied on 'locations/atlantis-1' (or it may not exist)."},
    })
    for (const image of [
      'x',
      '127.0.0.1:4510/p/r/i:1.0_b',
      `r-docker.pkg.dev/p/r/a/b@sha256:${'0'.repeat(64)}`,
    ])
      expect(await create('us-east5', image)).toMatchObject({
        done: true,
        response: {
          template: {
            containers: [
              {
                image,
                ports: [{name: 'http1', containerPort: 8080}],
                resources: {limits: {cpu: '1000m', memory: '512Mi'}, cpuIdle: true},
              },
            ],
          },
        },
      })
  })

  it('refuses traffic that does not sum to 100, and traffic to a missing revision', async () => {
    const {origin, push} = await startRun()
    const template = {containers: [{image: await push({files: ECHO})}]}
    const create = async (traffic: object[]) =>
      (
        await fetch(`${origin}/v2/${LOCATION}/services?serviceId=ok`, {
          method: 'POST',
          body: JSON.stringify({template, traffic}),
        })
      ).json()
    const type = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'
    expect(await create([{type, revision: 'ok-a', percent: 50}])).toMatchObject({
      error: {message: expect.stringContaining('sum to 100, not 50')},
    })
    expect(await create([{type, revision: 'ok-a', percent: 100}])).toMatchObject({
      error: {message: expect.stringContaining('"ok-a"')},
    })
  })
})

describe('a revision that does not become ready', () => {
  it('reports why, and leaves the traffic unchanged', async () => {
    const {services, push, deploy, run} = await startRun()
    const uri = await deploy('worker', {
      containers: [{image: await push({files: ECHO}), env: [{name: 'V', value: '1'}]}],
    })
    const name = `${LOCATION}/services/worker`
    const crash = await push({
      files: {
        'app/main.js': "console.error('first line'); console.error('Error: no such module'); process.exit(7)",
      },
    })
    const [operation] = await services.updateService({
      service: {name, invokerIamDisabled: true, template: {containers: [{image: crash}]}},
    })
    await expect(operation.promise()).rejects.toMatchObject({
      code: 9,
      message: expect.stringMatching(
        /Revision 'worker-00002-...' is not ready.*exit code 7.*PORT=\d+[\s\S]*no such module/,
      ),
    })

    const [service] = await services.getService({name})
    expect(service).toMatchObject({
      reconciling: false,
      generation: '2',
      observedGeneration: '1',
      terminalCondition: {state: 'CONDITION_FAILED', message: expect.stringContaining('exit code 7')},
    })
    expect(service.latestReadyRevision).toContain('worker-00001-')
    expect(service.latestCreatedRevision).toContain('worker-00002-')
    expect(await (await fetch(uri)).json()).toMatchObject({env: {V: '1'}})
    expect(run.instances()).toHaveLength(1)
  })

  it.each([
    [
      'an image that is not there',
      'europe-west3-docker.pkg.dev/p/r/nothing:1',
      /Image '.*nothing:1' not found/,
    ],
  ])('names %s', async (_, image, message) => {
    const {services} = await startRun()
    const [operation] = await services.createService({
      parent: LOCATION,
      serviceId: 'worker',
      service: {template: {containers: [{image}]}},
    })
    await expect(operation.promise()).rejects.toMatchObject({
      code: 5,
      message: expect.stringMatching(message),
    })
  })

  it('names a missing runtime, and a program that is not node', async () => {
    const {push, deploy} = await startRun()
    const other = await push({files: ECHO, annotations: {'dev.cloud-runner.runtime': 'node99'}}, 'other')
    await expect(deploy('a', {containers: [{image: other}]})).rejects.toThrow(
      /requests the runtime "node99".*"dev\.cloud-runner\.runtime": "node24"/,
    )
    const shell = await push({files: ECHO, entrypoint: ['/bin/sh', '-c', 'exit']}, 'shell')
    await expect(deploy('b', {containers: [{image: shell}]})).rejects.toThrow(
      /runs "\/bin\/sh".*must run "node"/,
    )
  })

  it('fails after the probe’s timeout, and retries on the next request', async () => {
    const {push, services} = await startRun()
    const image = await push({
      files: {
        'app/main.js':
          "require('http').createServer((q, r) => { r.statusCode = q.url === '/ok' ? 200 : 503; r.end() }).listen(process.env.PORT)",
      },
    })
    const template = (path: string) => ({
      containers: [{image, startupProbe: {httpGet: {path}, periodSeconds: 60, failureThreshold: 1}}],
    })
    const [bad] = await services.createService({
      parent: LOCATION,
      serviceId: 'worker',
      service: {template: template('/bad')},
    })
    await expect(bad.promise()).rejects.toThrow(/startup probe failed: GET \/bad: status 503/)
    const [good] = await services.updateService({
      service: {name: `${LOCATION}/services/worker`, template: template('/ok')},
    })
    expect((await good.promise())[0].latestReadyRevision).toContain('worker-00002-')
  })
})
