import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../../src/local-cloud/index.ts'
import {buildImage, pushImage} from '../../../support/oci-image.ts'
import {temporaryFolder} from '../../../support/temporary-folder.ts'
import {LOCATION, type LocalRun, startRun} from '../local-run.ts'

const ACCOUNT = 'worker@p.iam.gserviceaccount.com'
const ROLE = 'roles/secretmanager.secretAccessor'
const FAILED_PRECONDITION = 9

/** Answers with its variable TOKEN; `/crash` ends it. */
const SERVER = {
  'app/main.js': `
    require('node:http').createServer((request, response) => {
      if (request.url === '/crash') process.exit(3)
      response.end(process.env.TOKEN)
    }).listen(Number(process.env.PORT))`,
}

/** A secret of the project; `granted` to the account. @returns its name */
async function put({secrets, access}: LocalRun, value: string | undefined, granted = true): Promise<string> {
  const [{name}] = await secrets.createSecret({
    parent: 'projects/p',
    secretId: 'token',
    secret: {replication: {automatic: {}}},
  })
  if (value !== undefined) await add({secrets}, value)
  if (granted)
    await access.setPolicy('projects/p/secrets/token', {
      bindings: [{role: ROLE, members: [`serviceAccount:${ACCOUNT}`]}],
    })
  return name ?? ''
}

async function add({secrets}: Pick<LocalRun, 'secrets'>, value: string): Promise<void> {
  await secrets.addSecretVersion({parent: 'projects/p/secrets/token', payload: {data: Buffer.from(value)}})
}

function variable(secret: string, version: string): object {
  return {name: 'TOKEN', valueSource: {secretKeyRef: {secret, version}}}
}

async function template(run: LocalRun, version = 'latest', secret = 'token'): Promise<object> {
  const image = await run.push({files: SERVER})
  return {
    serviceAccount: ACCOUNT,
    containers: [{image, env: [{name: 'PLAIN', value: 'text'}, variable(secret, version)]}],
  }
}

async function get(url: string): Promise<string> {
  return (await fetch(url)).text()
}

it('an instance gets the value when it starts, latest the newest one', async () => {
  const run = await startRun()
  await put(run, 'first')
  const url = await run.deploy('echo', await template(run))
  expect(await get(url)).toBe('first')
  await add(run, 'second')
  expect(await get(url)).toBe('first')
  await fetch(`${url}/crash`)
  await expect.poll(() => get(url)).toBe('second')
})

it('a version by number stays, and a secret may be named in full', async () => {
  const run = await startRun()
  await put(run, 'first')
  await add(run, 'second')
  expect(await get(await run.deploy('echo', await template(run, '1', 'projects/p/secrets/token')))).toBe(
    'first',
  )
})

it('no resource, log or file of the services has the value', async () => {
  const run = await startRun()
  await put(run, 'very-secret-value')
  await run.deploy('echo', await template(run))
  const name = `${LOCATION}/services/echo`
  const knative = await fetch(`${run.origin}/apis/serving.knative.dev/v1/namespaces/p/services/echo`)
  const shown = [
    await run.services.getService({name}),
    await run.revisions.listRevisions({parent: name}),
    await knative.json(),
  ]
  expect(JSON.stringify(shown[0])).toContain('"secret":"token"')
  expect(shown[2]).toMatchObject({
    spec: {
      template: {
        spec: {
          containers: [
            {
              env: [
                {name: 'PLAIN'},
                {name: 'TOKEN', valueFrom: {secretKeyRef: {name: 'token', key: 'latest'}}},
              ],
            },
          ],
        },
      },
    },
  })
  expect(JSON.stringify([shown, run.entries, run.run.instances()])).not.toContain('very-secret-value')
})

it.each([
  [
    'whose secret is missing',
    async () => undefined,
    /^Revision 'echo-00001-\w+' is not ready and cannot serve traffic. spec\.template\.spec\.containers\[0\]\.env\[1\]\.value_from\.secret_key_ref\.name: Secret projects\/\d+\/secrets\/token\/versions\/latest was not found$/,
  ],
  [
    'whose secret has no version',
    (run: LocalRun) => put(run, undefined),
    /Secret projects\/\d+\/secrets\/token\/versions\/latest was not found$/,
  ],
  [
    'whose version is disabled',
    async (run: LocalRun) => {
      const name = await put(run, 'value')
      await run.secrets.disableSecretVersion({name: `${name}/versions/1`})
    },
    /Failed to access secret projects\/\d+\/secrets\/token\/versions\/latest: Secret Version \[projects\/\d+\/secrets\/token\/versions\/1\] is in DISABLED state\.$/,
  ],
  [
    'whose account has no grant',
    (run: LocalRun) => put(run, 'value', false),
    /Permission denied on secret: projects\/\d+\/secrets\/token\/versions\/latest for Revision service account worker@p\.iam\.gserviceaccount\.com\. The service account used must be granted the 'Secret Manager Secret Accessor' role/,
  ],
])('a revision %s does not become ready', async (what, prepare, message) => {
  const run = await startRun()
  // A secret that the account may not read could as well not exist: the grant comes from the project here.
  if (what === 'whose secret is missing')
    await run.access.setPolicy('projects/p', {
      bindings: [{role: ROLE, members: [`serviceAccount:${ACCOUNT}`]}],
    })
  await prepare(run)
  await expect(run.deploy('echo', await template(run))).rejects.toMatchObject({
    code: FAILED_PRECONDITION,
    message: expect.stringMatching(message),
  })
  const [revisions] = await run.revisions.listRevisions({parent: `${LOCATION}/services/echo`})
  expect(revisions[0]?.conditions?.find(({type}) => type === 'Ready')).toMatchObject({
    state: 'CONDITION_FAILED',
    reason: 'SECRETS_ACCESS_CHECK_FAILED',
  })
})

it('a request to a service whose secret was disabled fails, and says why', async () => {
  const run = await startRun()
  const name = await put(run, 'value')
  const url = await run.deploy('echo', await template(run))
  await run.secrets.disableSecretVersion({name: `${name}/versions/1`})
  await fetch(`${url}/crash`)
  await expect.poll(async () => (await fetch(url)).status).toBe(503)
  expect(JSON.stringify(run.entries)).toMatch(/Secret Version \[[^\]]+\] is in DISABLED state/)
})

it('a job gets the value in each attempt, and is not ready without it', async () => {
  const run = await startRun()
  const name = await put(run, 'value')
  const file = join(run.folder, 'written')
  const source = `require('node:fs').writeFileSync(process.env.FILE, process.env.TOKEN)`
  const image = await run.push({files: {'app/main.js': source}}, 'task')
  const job = (version: string): object => ({
    template: {
      template: {
        serviceAccount: ACCOUNT,
        maxRetries: 0,
        containers: [{image, env: [{name: 'FILE', value: file}, variable('token', version)]}],
      },
    },
  })
  const [created] = await run.jobs.createJob({parent: LOCATION, jobId: 'task', job: job('latest')})
  await created.promise()
  await add(run, 'newer')
  const [execution] = await run.jobs.runJob({name: `${LOCATION}/jobs/task`})
  await execution.promise()
  expect(await readFile(file, 'utf8')).toBe('newer')

  await run.secrets.disableSecretVersion({name: `${name}/versions/2`})
  const [failing] = await run.jobs.runJob({name: `${LOCATION}/jobs/task`})
  await expect(failing.promise()).rejects.toThrow(/is in DISABLED state/)

  const [missing] = await run.jobs.createJob({parent: LOCATION, jobId: 'other', job: job('9')})
  await expect(missing.promise()).rejects.toThrow(/secrets\/token\/versions\/9 was not found/)
  const [unready] = await run.jobs.getJob({name: `${LOCATION}/jobs/other`})
  expect(unready.terminalCondition).toMatchObject({reason: 'SECRETS_ACCESS_CHECK_FAILED'})
})

it('a variable with a value and a source, or of no secret, is refused', async () => {
  const run = await startRun()
  await put(run, 'value')
  const image = await run.push({files: SERVER})
  const create = async (env: object): Promise<unknown> =>
    (
      await fetch(`${run.origin}/v2/${LOCATION}/services?serviceId=echo`, {
        method: 'POST',
        body: JSON.stringify({template: {containers: [{image, env: [env]}]}}),
      })
    ).json()
  expect(await create({...variable('token', '1'), value: 'x'})).toMatchObject({
    error: {status: 'INVALID_ARGUMENT', message: expect.stringContaining('not both')},
  })
  expect(await create(variable('', '1'))).toMatchObject({
    error: {status: 'INVALID_ARGUMENT', message: expect.stringContaining('the name of a secret')},
  })
})

it('a revision in a project where the API is off says so', async () => {
  const cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const post = async (path: string, body: object): Promise<object> => {
    const response = await fetch(`${cloud.endpoint}${path}`, {method: 'POST', body: JSON.stringify(body)})
    const answer: unknown = await response.json()
    return typeof answer === 'object' && answer !== null ? answer : {}
  }
  const project = 'new-project-1'
  await post('/v3/projects', {projectId: project})
  await expect.poll(async () => (await fetch(`${cloud.endpoint}/v1/projects/${project}`)).status).toBe(200)
  await post(`/v1/projects/${project}/services:batchEnable`, {
    serviceIds: ['run', 'artifactregistry', 'iam'].map((api) => `${api}.googleapis.com`),
  })
  const location = `/projects/${project}/locations/europe-west3`
  await post(`/v1${location}/repositories?repository_id=r`, {format: 'DOCKER'})
  const image = await pushImage(cloud.endpoint, `${project}/r/w`, await buildImage({files: SERVER}))
  const created = await post(`/v2${location}/services?serviceId=echo`, {
    template: {containers: [{image, env: [variable('token', 'latest')]}]},
  })
  const operation = 'name' in created ? created.name : undefined
  expect(await post(`/v2/${String(operation)}:wait`, {})).toMatchObject({
    error: {message: expect.stringContaining('secretmanager.googleapis.com has not been used in project')},
  })
})
