import {join} from 'node:path'
import {expect, it} from 'vitest'
import {NO_PROVIDER, Terraform, unless} from '../support/terraform.ts'
import {startTools} from '../support/tool.ts'

const FIXTURE = join(import.meta.dirname, '../fixtures/clients/terraform-storage')

it.skipIf(NO_PROVIDER !== undefined)(
  `Terraform: what a bucket can be set to is applied, planned again without a change, updated, destroyed${unless(NO_PROVIDER)}`,
  {timeout: 300_000},
  async () => {
    const {folder, origins, local} = await startTools()
    const terraform = new Terraform(join(folder, 'module'), FIXTURE, origins)
    await terraform.run(['init'])
    await terraform.run(['apply', '-auto-approve'])
    await terraform.run(['plan', '-detailed-exitcode'])
    const read = async (name: string): Promise<unknown> =>
      (await fetch(`${local.endpoint}/storage/v1/b/${name}`)).json()
    expect(await read('terraform-managed')).toMatchObject({
      softDeletePolicy: {retentionDurationSeconds: '604800'},
      lifecycle: {rule: [{condition: {age: 30}}, {condition: {numNewerVersions: 2}}]},
    })
    expect(await read('terraform-retained')).toMatchObject({retentionPolicy: {retentionPeriod: '60'}})
    const changed = ['-var', 'days=7']
    const updated = await terraform.run(['apply', '-auto-approve', ...changed])
    expect(updated.stdout).toContain('Resources: 0 added, 1 changed, 0 destroyed.')
    await terraform.run(['plan', '-detailed-exitcode', ...changed])
    await terraform.run(['destroy', '-auto-approve', ...changed])
    expect(local.status().buckets).toBe(0)
  },
)
