import {ExecutionsClient, JobsClient, ServicesClient} from '@google-cloud/run'
import {Storage} from '@google-cloud/storage'
import {credentials} from '@grpc/grpc-js'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {buildPythonWorker, docker, NO_DOCKER} from '../support/docker.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'

const BUILT = 'cloud-runner-test/python-worker'
const PROJECT = 'container-test'
const LOCATION = `projects/${PROJECT}/locations/europe-west3`
const WORKER = `worker@${PROJECT}.iam.gserviceaccount.com`
const PUSHER = `pusher@${PROJECT}.iam.gserviceaccount.com`

// One local cloud and one image that was pushed to it, since the engine takes seconds to compress the base.
describe.skipIf(NO_DOCKER !== '')(`images of any language, with the real docker ${NO_DOCKER}`, () => {
  let folder: string
  let cloud: LocalCloud
  let image: string
  let services: ServicesClient
  let jobs: JobsClient
  let executions: ExecutionsClient

  const api = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(cloud.endpoint + path, {
      method,
      ...(body ? {body: JSON.stringify(body)} : {}),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
  const deploy = async (serviceId: string, container: object, besides: object = {}): Promise<string> => {
    const [operation] = await services.createService({
      parent: LOCATION,
      serviceId,
      service: {invokerIamDisabled: true, template: {...besides, containers: [{image, ...container}]}},
    })
    await operation.promise()
    const [{uri}] = await services.getService({name: `${LOCATION}/services/${serviceId}`})
    return uri ?? ''
  }
  const createJob = async (jobId: string, container: object, taskCount = 1): Promise<string> => {
    const [operation] = await jobs.createJob({
      parent: LOCATION,
      jobId,
      job: {template: {taskCount, template: {maxRetries: 0, containers: [{image, ...container}]}}},
    })
    await operation.promise()
    return `${LOCATION}/jobs/${jobId}`
  }
  const owned = async (...options: string[]): Promise<string[]> => {
    const filter = `label=dev.cloud-runner.local-cloud=${folder}/containers`
    return (await docker('ps', '--quiet', '--filter', filter, ...options))
      .split('\n')
      .filter((id) => id !== '')
  }
  const containers = () => owned('--all')
  /** Entries are seen soon after they were written: waits for as many. */
  const logged = async (filter: string, count: number): Promise<unknown[]> => {
    const read = async (): Promise<unknown[]> => {
      const {entries} = await api('POST', '/v2/entries:list', {
        resourceNames: [`projects/${PROJECT}`],
        filter,
      })
      return Array.isArray(entries) ? entries : []
    }
    await expect.poll(async () => (await read()).length).toBeGreaterThanOrEqual(count)
    return read()
  }
  const registry = (): string => new URL(cloud.endpoint).host

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloud-runner-containers-'))
    cloud = await LocalCloud.start({stateFolder: folder})
    const options = {
      apiEndpoint: '127.0.0.1',
      port: Number(new URL(cloud.endpoint).port),
      sslCreds: credentials.createInsecure(),
      projectId: PROJECT,
    }
    services = new ServicesClient(options)
    jobs = new JobsClient(options)
    executions = new ExecutionsClient(options)
    await api('POST', `/v1/${LOCATION}/repositories?repositoryId=r`, {format: 'DOCKER'})
    await buildPythonWorker(BUILT)
    image = `${registry()}/${PROJECT}/r/python:1`
    await docker('tag', BUILT, image)
    await docker('push', '--quiet', image)
  }, 90_000)

  afterAll(async () => {
    await Promise.all([services.close(), jobs.close(), executions.close()])
    await cloud[Symbol.asyncDispose]()
    await docker('rmi', '--force', BUILT, image)
    await rm(folder, {recursive: true, force: true})
  })

  it('are pushed and pulled after a login, by tag and digest; existing layers are mounted', async () => {
    const config = join(folder, 'docker-config')
    const login = (user: string) =>
      docker('--config', config, 'login', '--username', user, '--password', 'any', registry())
    expect(await login('oauth2accesstoken')).toContain('Login Succeeded')
    expect(await login('_json_key')).toContain('Login Succeeded')
    const other = `${registry()}/${PROJECT}/r/other/name:2`
    await docker('tag', BUILT, other)
    await docker('--config', config, 'push', other)
    const digest = (await docker('inspect', '--format', '{{join .RepoDigests "\\n"}}', other))
      .split('\n')
      .find((reference) => reference.startsWith(`${registry()}/${PROJECT}/r/other/name@sha256:`))
    expect(digest).toBeDefined()
    await docker('rmi', other)
    expect(await docker('--config', config, 'pull', digest ?? '')).toContain('Status:')
    await docker('rmi', digest ?? '')
    await expect(docker('pull', `${registry()}/${PROJECT}/r/python:none`)).rejects.toThrow(/manifest unknown/)
    await expect(docker('pull', `${registry()}/${PROJECT}/none/python:1`)).rejects.toThrow(
      /create it in Artifact Registry/,
    )
    await docker('--config', config, 'logout', registry())
  })

  it('are named by an index of several platforms', async () => {
    const index = `${registry()}/${PROJECT}/r/index:1`
    await docker('manifest', 'create', '--insecure', index, image)
    await docker('manifest', 'push', '--purge', index)
    expect(JSON.parse(await docker('manifest', 'inspect', '--insecure', index))).toMatchObject({
      manifests: [{platform: {os: 'linux'}}],
    })
    const name = await createJob('by-index', {image: index, command: ['true']})
    await (await jobs.runJob({name}))[0].promise()
    const [[execution]] = await executions.listExecutions({parent: name})
    expect(execution).toMatchObject({succeededCount: 1, failedCount: 0})
  })

  it('serve a revision: by digest, within its limits, with the log; ended in order and removed', async () => {
    const uri = await deploy(
      'limited',
      {resources: {limits: {cpu: '500m', memory: '256Mi'}, cpuIdle: true}},
      {maxInstanceRequestConcurrency: 1},
    )
    expect(await (await fetch(uri)).text()).toBe('ok')
    const [instance] = cloud.status().instances
    const [id = ''] = await containers()
    expect(JSON.parse(await docker('inspect', id))).toMatchObject([
      {
        State: {Pid: instance?.pid},
        Config: {
          Image: expect.stringMatching(/^127\.0\.0\.1:\d+\/container-test\/r\/python@sha256:[0-9a-f]{64}$/),
          Env: expect.arrayContaining([`PORT=${instance?.port}`, 'K_SERVICE=limited']),
        },
        HostConfig: {NetworkMode: 'host', Memory: 256 * 2 ** 20, NanoCpus: 5e8},
      },
    ])
    await (await services.deleteService({name: `${LOCATION}/services/limited`}))[0].promise()
    expect(await containers()).toEqual([])
    const filter = 'resource.type="cloud_run_revision" resource.labels.service_name="limited" logName:stdout'
    expect(await logged(filter, 2)).toMatchObject([
      {
        severity: 'INFO',
        jsonPayload: {message: expect.stringMatching(/^Python 3\.\d+\.\d+ listens on \d+$/)},
      },
      {severity: 'INFO', jsonPayload: {message: 'Ended in order'}},
    ])
  })

  it('that end before they listen, use too much memory or cannot start are reported', async () => {
    await expect(
      deploy('exits', {command: ['python3', '-c', 'import sys; print("no such table"); sys.exit(7)']}),
    ).rejects.toThrow(/exit code 7[\s\S]*no such table/)
    await expect(deploy('missing', {command: ['/no/such/program']})).rejects.toThrow(
      /could not be started.*\/no\/such\/program/s,
    )
    await expect(
      deploy('greedy', {
        command: ['python3', '-c', 'x = bytearray(200 * 2**20)'],
        resources: {limits: {memory: '128Mi'}, cpuIdle: true},
      }),
    ).rejects.toThrow(/exit code 137, out of memory,/)
    expect(await containers()).toEqual([])
  })

  it('run the tasks of a job', async () => {
    const name = await createJob('tasks', {command: ['python3', '/app/main.py'], args: ['a', 'b']}, 2)
    await (await jobs.runJob({name}))[0].promise()
    expect(
      await logged(
        'resource.type="cloud_run_job" labels."run.googleapis.com/task_index"="1" logName:stdout',
        1,
      ),
    ).toMatchObject([
      {jsonPayload: {message: 'Task', task: {INDEX: '1', COUNT: '2', ATTEMPT: '0'}, arguments: ['a', 'b']}},
    ])
    expect(await containers()).toEqual([])
  })

  it('take a file through the whole pipeline, as the service account of the revision', async () => {
    const storage = new Storage({apiEndpoint: cloud.endpoint, projectId: PROJECT})
    await api('POST', `/storage/v1/b?project=${PROJECT}`, {name: 'p-input', location: 'EUROPE-WEST3'})
    await api('POST', `/storage/v1/b?project=${PROJECT}`, {name: 'p-output', location: 'EUROPE-WEST3'})
    for (const accountId of ['worker', 'pusher'])
      await api('POST', `/v1/projects/${PROJECT}/serviceAccounts`, {accountId})
    const grant = (bucket: string, role: string) =>
      api('PUT', `/storage/v1/b/${bucket}/iam`, {bindings: [{role, members: [`serviceAccount:${WORKER}`]}]})
    await grant('p-input', 'roles/storage.objectViewer')
    await grant('p-output', 'roles/storage.objectUser')
    const [creation] = await services.createService({
      parent: LOCATION,
      serviceId: 'python',
      service: {
        template: {
          serviceAccount: WORKER,
          containers: [{image, env: [{name: 'OUTPUT_BUCKET', value: 'p-output'}]}],
        },
      },
    })
    await creation.promise()
    const name = `${LOCATION}/services/python`
    const [{uri}] = await services.getService({name})
    const bindings = [{role: 'roles/run.invoker', members: [`serviceAccount:${PUSHER}`]}]
    await services.setIamPolicy({resource: name, policy: {bindings}})
    await api('PUT', `/v1/projects/${PROJECT}/topics/uploads`, {})
    const [agent] = await storage.getServiceAccount()
    await api('POST', `/v1/projects/${PROJECT}/topics/uploads:setIamPolicy`, {
      policy: {
        bindings: [{role: 'roles/pubsub.publisher', members: [`serviceAccount:${agent.emailAddress}`]}],
      },
    })
    await api('PUT', `/v1/projects/${PROJECT}/subscriptions/push`, {
      topic: `projects/${PROJECT}/topics/uploads`,
      pushConfig: {pushEndpoint: uri, oidcToken: {serviceAccountEmail: PUSHER, audience: uri}},
    })
    await api('POST', '/storage/v1/b/p-input/notificationConfigs', {
      topic: `//pubsub.googleapis.com/projects/${PROJECT}/topics/uploads`,
      payload_format: 'JSON_API_V1',
      event_types: ['OBJECT_FINALIZE'],
    })

    await storage.bucket('p-input').file('grüße.txt').save('from python\n')
    const result = storage.bucket('p-output').file('grüße.txt')
    await expect.poll(() => result.exists()).toEqual([true])
    expect((await result.download())[0].toString()).toBe('FROM PYTHON\n')
    const [{metadata}] = await result.getMetadata()
    const [input] = await storage.bucket('p-input').file('grüße.txt').getMetadata()
    expect(metadata).toEqual({'source-generation': String(input.generation), attempt: '1'})
    expect(cloud.status().denials).toEqual([])
  })

  it('do not outlive a local cloud that is killed, not even those that ignore every signal', async () => {
    const name = await createJob('deaf', {
      command: [
        'python3',
        '-c',
        'import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)',
      ],
    })
    await cloud[Symbol.asyncDispose]()
    expect(await containers()).toEqual([])
    const other = await startLocalCloudProcess(folder)
    const response = await fetch(`${other.endpoint}/v2/${name}:run`, {method: 'POST', body: '{}'})
    expect(response.status).toBe(200)
    await expect.poll(() => owned()).not.toEqual([])
    await other.kill()
    await expect.poll(containers).toEqual([])

    cloud = await LocalCloud.start({stateFolder: folder})
    await expect.poll(() => owned()).not.toEqual([])
    const [[running]] = await executions.listExecutions({parent: name})
    expect(running).toMatchObject({runningCount: 1, retriedCount: 0})
    for (const id of await owned()) await docker('kill', id)
    const failed = async () => (await executions.getExecution({name: running?.name ?? ''}))[0].failedCount
    await expect.poll(failed).toBe(1)
  })

  it('leave nothing in the engine when their services are gone', async () => {
    const pulled = async () =>
      (await docker('inspect', '--format', '{{join .RepoDigests "\\n"}}', BUILT))
        .split('\n')
        .filter((reference) => reference.startsWith(registry()))
    expect(await pulled()).not.toEqual([])
    const [all] = await services.listServices({parent: LOCATION})
    for (const {name} of all) await (await services.deleteService({name: name ?? ''}))[0].promise()
    await cloud[Symbol.asyncDispose]()
    expect(await containers()).toEqual([])
    expect(await pulled()).toEqual([])
  })
})
