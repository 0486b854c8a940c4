import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {buildAndPush} from '../../src/core/deploy/build.ts'
import {takeInventory} from '../support/cloud-inventory.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {NO_PROVIDER, REPORTS, Terraform, unless, variables} from '../support/terraform.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

it.skipIf(NO_PROVIDER !== undefined)(
  `a module that is not ours: apply, update, destroy, on the local cloud${unless(NO_PROVIDER)}`,
  async () => {
    const context = await startLocalPipeline()
    const {folder, local, endpoint, pipeline, cloud, signal, step} = context
    const {project, region} = pipeline.settings
    await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
    const {image} = await buildAndPush(await workerFolder('processor.js', capitals('')), context)
    const before = await takeInventory(endpoint, {project, region})

    const place = join(folder, 'module')
    await mkdir(place)
    const origins = {endpoint, proxy: local.status().proxy, tls: local.status().tls, folder, project, region}
    const terraform = new Terraform(place, REPORTS, origins)
    const given = (more: Record<string, string | number> = {}) => variables({image, ...more})
    const cleanPlan = (more: Record<string, string | number> = {}) =>
      terraform.run(['plan', '-detailed-exitcode', ...given(more)])

    await terraform.run(['init'])
    await terraform.run(['apply', '-auto-approve', ...given()])
    await cleanPlan()
    const outputs: unknown = JSON.parse((await terraform.run(['output', '-json'])).stdout)
    expect(outputs).toMatchObject({
      template: {value: '# Report for test\n'},
      password: {value: 'open test'},
      web: {value: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)},
      legacy: {value: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)},
    })
    const {web, legacy} = addresses(outputs)
    expect((await fetch(`${web}/healthz`)).status).toBe(200)
    expect((await fetch(`${legacy}/healthz`)).status).toBe(403)

    const more = {days_kept: 7, retention: '172800s', concurrency: 9}
    const updated = await terraform.run(['apply', '-auto-approve', ...given(more)])
    expect(updated.stdout).toContain('Apply complete! Resources: 0 added, 4 changed, 0 destroyed.')
    await cleanPlan(more)

    await terraform.run(['destroy', '-auto-approve', ...given(more)])
    const after = await takeInventory(endpoint, {project, region})
    expect(Object.keys(after.resources)).toEqual(Object.keys(before.resources))
    expect(after.grants).toEqual(before.grants)
  },
  300_000,
)

function addresses(outputs: unknown): {web: string; legacy: string} {
  const text = JSON.stringify(outputs)
  const value = (name: string): string =>
    new RegExp(`"${name}":\\{[^}]*"value":"([^"]+)"`).exec(text)?.[1] ?? ''
  return {web: value('web'), legacy: value('legacy')}
}
