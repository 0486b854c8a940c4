import {readFileSync} from 'node:fs'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {buildAndPush} from '../../src/core/deploy/build.ts'
import {deploy} from '../../src/core/deploy/deploy.ts'
import {sendCanary} from '../../src/core/setup/canary.ts'
import {pipelineOf} from '../../src/core/settings/pipeline.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {differences, type GrantFound, takeInventory} from '../support/cloud-inventory.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {MODULE, NO_PROVIDER, Terraform, unless, variables} from '../support/terraform.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

type LocalPipeline = Awaited<ReturnType<typeof startLocalPipeline>>

it.skipIf(NO_PROVIDER !== undefined)(
  `the module: apply, apply with an image, work, update, deploy, destroy, on the local cloud${unless(NO_PROVIDER)}`,
  async () => {
    const context = await startLocalPipeline()
    const {folder, local, endpoint, pipeline, cloud, signal} = context
    const {project, region, maxInstances} = pipeline.settings
    const where = {project, region}
    const place = join(folder, 'module')
    await mkdir(place)
    const terraform = new Terraform(place, MODULE, {
      endpoint,
      proxy: local.status().proxy,
      tls: local.status().tls,
      folder,
      ...where,
    })
    const given = (more: Record<string, string | number | boolean> = {}) =>
      variables({project_id: project, region, max_instances: maxInstances, ...more})
    const cleanPlan = (more: Record<string, string | number | boolean>) =>
      terraform.run(['plan', '-detailed-exitcode', ...given(more)])

    // The state is in a bucket of the local cloud.
    await request(`${endpoint}/storage/v1/b?project=${project}`, {name: 'terraform-state', location: 'EU'})
    terraform.useBucket('terraform-state')
    await terraform.run(['init'])
    await terraform.run(['apply', '-auto-approve', ...given()])

    const worker = await workerFolder('processor.js', capitals(''))
    const {image} = await buildAndPush(worker, context)
    const running = (reference: string) => ({image: reference, image_digest: reference.replace(/^.*@/, '')})
    const applying = terraform.start(['apply', '-auto-approve', ...given(running(image))]).ended
    const lock = `${endpoint}/storage/v1/b/terraform-state/o/${encodeURIComponent('state/default.tflock')}`
    await expect.poll(async () => (await fetch(lock)).status, {timeout: 20_000}).toBe(200)
    const second = await terraform.run(['plan', ...given(running(image))], {expected: [1]})
    expect(second.stderr).toContain('Error acquiring the state lock')
    expect(await applying).toMatchObject({exitCode: 0, stderr: ''})
    expect((await fetch(lock)).status).toBe(404)
    await cleanPlan(running(image))

    // What it made works, and our own commands find nothing to mend.
    await sendAFile(context)
    const planned = await cloud.infrastructure.plan(pipeline, {image, signal})
    expect(planned.filter(({action}) => action !== 'none')).toEqual([])

    // Parity: the direct infrastructure makes the same.
    const byTerraform = await takeInventory(endpoint, where)
    const direct = await startLocalPipeline({maxInstances})
    await direct.cloud.infrastructure.apply(pipeline, {image: undefined, signal, step: direct.step})
    expect((await buildAndPush(worker, direct)).image).toBe(image)
    await direct.cloud.infrastructure.apply(pipeline, {image, signal, step: direct.step})
    const byApi = await takeInventory(direct.endpoint, where)
    const {'bucket terraform-state': _, ...resources} = byTerraform.resources
    expect(Object.keys(resources).map((title) => title.split(' ')[0])).toEqual(
      expect.arrayContaining([
        'bucket',
        'notification',
        'topic',
        'subscription',
        'repository',
        'service',
        'job',
      ]),
    )
    expect(differences({...byTerraform, resources}, byApi)).toEqual({})
    expect(byTerraform.grants).toEqual(byApi.grants)
    expect(byTerraform.grants.map(described).toSorted()).toEqual(documentedGrants(pipeline.names, project))

    // Nothing was asked of anybody else.
    expect(local.status().outsideCalls).toEqual([])
    expect(local.status().denials).toEqual([])

    // Changed in place, deployed by the CLI: no plan fights it.
    const more = {
      ...running(image),
      max_delivery_attempts: 7,
      label_column: 'y',
      model: 'gs://models/model.json#1',
      images_kept: 5,
      afterwards: 'archive',
      force_destroy: true,
      alerts: '{email="ops@example.com",webhook="https://alerts.invalid/"}',
      no_result_minutes: 60,
      secrets: '{API_KEY="api-key",OLD_KEY="api-key:1"}',
    }
    await cloud.secrets.add('api-key', 'value')
    const updated = await terraform.run(['apply', '-auto-approve', ...given(more)])
    expect(updated.stdout).toContain('Apply complete! Resources: 7 added, 6 changed, 1 destroyed.')
    await cleanPlan(more)
    // The direct infrastructure finds every setting as the module left it. Here, a secret's version would not count.
    const settings = {
      ...pipeline.settings,
      target: 'gcp',
      maxDeliveryAttempts: 7,
      labelColumn: 'y',
      afterwards: 'archive',
      alerts: {email: 'ops@example.com', webhook: 'https://alerts.invalid/'},
      noResultMinutes: 60,
      secrets: {API_KEY: 'api-key', OLD_KEY: 'api-key:1'},
    } as const
    const changed = {...pipelineOf(settings), model: more.model}
    const found = await cloud.infrastructure.plan(changed, {image, signal})
    expect(found.filter(({action}) => action !== 'none')).toEqual([])
    expect(found.map(({kind}) => kind)).toEqual(
      expect.arrayContaining(['alert policy', 'notification channel']),
    )
    expect(found.filter(({grant}) => grant?.on.kind === 'secret')).toHaveLength(1)
    const workerAccount = `serviceAccount:${pipeline.names.workerAccount}`
    const onInput = (await takeInventory(endpoint, where)).grants.map(described)
    expect(
      onInput.filter((grant) => grant.includes(workerAccount) && grant.includes('objectViewer')),
    ).toEqual([])
    const {service, image: deployed} = await deploy(
      {workerFolder: await workerFolder('processor.js', capitals('2: '))},
      context,
    )
    expect(service.ready).toBe(true)
    await cleanPlan({...more, image_digest: running(deployed).image_digest})
    await sendCanary(context)

    await terraform.run(['destroy', '-auto-approve', ...given(more)])
    const left = await takeInventory(endpoint, where)
    expect(Object.keys(left.resources)).toEqual(['bucket terraform-state', 'secret api-key'])
    expect(left.grants).toEqual([])
  },
  300_000,
)

async function request(url: string, body: object): Promise<void> {
  const response = await fetch(url, {method: 'POST', body: JSON.stringify(body)})
  expect(response.status).toBe(200)
}

/** A file goes its whole way. */
async function sendAFile(context: LocalPipeline): Promise<void> {
  await writeFile(join(context.folder, 'small.csv'), 'a,b\n')
  const {uploaded} = await upload(
    await planUpload({sources: ['small.csv'], cwd: context.folder}),
    {},
    context,
  )
  const waited = await waitForResults(uploaded, {timeoutMs: 60_000}, context)
  expect(waited.exitCode).toBe(0)
  const {outputBucket} = context.pipeline.names
  const result = await fetch(`${context.endpoint}/storage/v1/b/${outputBucket}/o/small.csv?alt=media`)
  expect(await result.text()).toBe('A,B\n')
}

const described = ({member, role, on}: GrantFound): string =>
  `${member.replace(/(?<=:service-)\d+/, 'NUMBER')} has ${role} on ${on}`

/** The table of the module's README, for this pipeline. */
function documentedGrants(names: LocalPipeline['pipeline']['names'], project: string): string[] {
  const readme = readFileSync(join(MODULE, 'README.md'), 'utf8')
  const [, table = ''] = /<!-- grants -->([\s\S]*?)<!-- \/grants -->/.exec(readme) ?? []
  const members: Record<string, string> = {
    'worker, `NAME-worker`': `serviceAccount:${names.workerAccount}`,
    'push, `NAME-push`': `serviceAccount:${names.pushAccount}`,
    'service agent of Cloud Storage':
      'serviceAccount:service-NUMBER@gs-project-accounts.iam.gserviceaccount.com',
    'service agent of Pub/Sub': 'serviceAccount:service-NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com',
  }
  return table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| who'))
    .map((line) => {
      const [, who = '', role = '', on = ''] = line.split('|').map((cell) => cell.trim())
      const resource = on.replaceAll('`', '').replaceAll('PROJECT', project).replaceAll('NAME', names.service)
      return `${members[who]} has ${role.replaceAll('`', '')} on ${resource}`
    })
    .toSorted()
}
