import {existsSync} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {destroy} from '../../../src/core/destroy.ts'
import {examinePipeline} from '../../../src/core/doctor/doctor.ts'
import {plan} from '../../../src/core/plan.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {createGoogleCloud} from '../../../src/google/cloud.ts'
import {proxyEnvironment, terraformEnvironment} from '../../../src/tools/environment/environment.ts'
import {createTerraformInfrastructure} from '../../../src/tools/terraform/infrastructure.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {NO_PROVIDER, providerConfig, unless} from '../../support/terraform.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

/** A pipeline on a local cloud whose infrastructure is Terraform's; propagation is not waited for. */
async function startTerraformPipeline() {
  const context = await startLocalPipeline()
  const {project, region} = context.pipeline.settings
  vi.stubEnv('TF_CLI_CONFIG_FILE', providerConfig(context.folder))
  const google = createGoogleCloud({projectId: project, region, endpoint: context.endpoint})
  const folder = join(context.stateFolder, 'gcp')
  const {proxy} = context.local.status()
  const origins = {endpoint: context.endpoint, proxy, folder, project, region}
  const [endpoints, proxies] = [terraformEnvironment(origins), proxyEnvironment(origins, [])]
  const infrastructure = createTerraformInfrastructure({
    stateFolder: context.stateFolder,
    folder,
    state: {bucket: `${project}-terraform`, prefix: 'pipelines/one'},
    environment: {
      set: {...endpoints.set, ...proxies.set},
      unset: [...endpoints.unset, ...proxies.unset],
    },
    downloading: endpoints,
    quick: true,
    waitsSeconds: [0, 0],
    byApi: {
      leftovers: (pipeline, doing) => google.inspection.leftovers(pipeline, doing),
      emptyBuckets: (pipeline, doing) => google.buckets.empty(pipeline, doing),
      stateBucket: (pipeline, bucket, options) => google.buckets.forState(pipeline, bucket, options),
      async liveImage({names}) {
        const service = await google.services.get(names.service)
        return service?.latestReadyRevision === undefined ? undefined : service.image
      },
    },
  })
  return {...context, folder, cloud: {...context.cloud, infrastructure}}
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe.skipIf(NO_PROVIDER !== undefined)(`terraform and its provider${unless(NO_PROVIDER)}`, () => {
  test('make, leave alone, and remove a pipeline, through what Google does on a first apply', async () => {
    const context = await startTerraformPipeline()
    const {cloud, pipeline, signal, endpoint, steps} = context
    const {inputBucket, deadLetterTopic} = pipeline.names

    const worker = await workerFolder('processor.js', capitals('one'))

    // The credentials are taken back in the middle: what was made by then stays, and the next run goes on from there.
    await addFault(endpoint, {
      on: {path: `/v1/projects/*/topics/${deadLetterTopic}`, method: 'PUT'},
      answer: 401,
      message: 'Request had invalid authentication credentials.',
    })
    await expect(setup({workerFolder: worker}, context)).rejects.toMatchObject({
      code: 'unauthenticated',
      suggestions: [
        'Sign in: gcloud auth application-default login',
        'Then run the same command again to continue.',
      ],
    })
    const there = (await cloud.inspection.leftovers(pipeline, {signal})).map(
      ({kind, name}) => `${kind} ${name}`,
    )
    expect(there).toContain(`bucket ${inputBucket}`)
    expect(there).not.toContain(`topic ${deadLetterTopic}`)

    await addFault(endpoint, {
      on: {path: `/v1/projects/*/topics/${deadLetterTopic}`, method: 'PUT'},
      answer: 403,
      message:
        'Cloud Pub/Sub API has not been used in project 1 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/pubsub.googleapis.com/overview?project=1 then retry.',
    })
    // Both of these the provider itself tries again.
    await addFault(endpoint, {
      on: {path: '/v2/projects/*/locations/*/services/*:setIamPolicy'},
      answer: 409,
      message: 'There were concurrent policy changes. Please retry the whole read-modify-write.',
    })
    await addFault(endpoint, {
      on: {path: '/v1/projects/*/subscriptions/*', method: 'PUT'},
      answer: 429,
      message: 'Quota exceeded for quota metric',
    })
    await addFault(endpoint, {
      on: {path: `/v1/projects/*/topics/${deadLetterTopic}:setIamPolicy`},
      answer: 400,
      message: 'Service account service-1@gcp-sa-pubsub.iam.gserviceaccount.com does not exist.',
    })
    await addFault(endpoint, {
      on: {method: 'POST', path: `/storage/v1/b/${inputBucket}/notificationConfigs`},
      answer: 403,
      message:
        "The service account 'service-1@gs-project-accounts.iam.gserviceaccount.com' does not have permission to publish messages to to the Cloud Pub/Sub topic '//pubsub.googleapis.com/x', or that topic does not exist.",
    })
    const first = await setup({workerFolder: worker}, context)
    expect(first.service.ready).toBe(true)
    expect(new Set(first.resources.map(({action}) => action))).toEqual(new Set(['create', 'none']))
    const rest = await fetch(`${endpoint}/_local-cloud/faults`)
    expect(await rest.json()).toEqual({faults: []})
    expect(steps.filter((step) => step.startsWith('New grants and APIs'))).toHaveLength(3)
    // The state is where everybody finds it, and nothing of it is here.
    const state = await cloud.objects.stat(
      `${pipeline.settings.project}-terraform`,
      'pipelines/one/default.tfstate',
    )
    expect(state?.sizeBytes).toBeGreaterThan(1000)
    expect(existsSync(join(context.folder, 'terraform.tfstate'))).toBe(false)
    expect(await readFile(join(context.folder, 'backend.tf.json'), 'utf8')).toContain(
      '"prefix":"pipelines/one"',
    )

    const checks = await examinePipeline(context)
    expect(checks.filter(({state: found}) => found === 'failed')).toEqual([])

    await deploy({workerFolder: await workerFolder('processor.js', capitals('two'))}, context)
    expect((await plan(context)).resources.filter(({action}) => action !== 'none')).toEqual([])

    await cloud.objects.upload({
      bucket: inputBucket,
      name: 'left.txt',
      source: {stream: Readable.from([Buffer.from('left')])},
      signal,
    })
    await addFault(endpoint, {on: {method: 'DELETE', path: `/storage/v1/b/${inputBucket}`}, answer: 403})
    await expect(destroy(context)).rejects.toMatchObject({code: 'permission-denied'})
    expect((await cloud.inspection.leftovers(pipeline, {signal})).map(({name}) => name)).toContain(
      inputBucket,
    )
    expect(await destroy(context)).toMatchObject({left: []})
  }, 240_000)
})
