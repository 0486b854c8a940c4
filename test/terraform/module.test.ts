import {execFileSync} from 'node:child_process'
import {cpSync, readFileSync, rmSync} from 'node:fs'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {renderEnvironment} from '../../src/tools/environment/render.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'
import {
  CI_MODULE,
  MODULE,
  NO_PROVIDER,
  NO_TERRAFORM,
  NO_TOFU,
  REPORTS,
  Terraform,
  unless,
  variables,
} from '../support/terraform.ts'

/** Addresses where nothing answers: what must not call anything. */
const NOWHERE = {
  endpoint: 'http://127.0.0.1:9',
  proxy: 'http://127.0.0.1:9',
  tls: {endpoint: 'https://127.0.0.1:9', certificate: '/nowhere/certificate.pem'},
  folder: '/nowhere',
  project: 'p',
  region: 'europe-west3',
}

it.skipIf(NO_TERRAFORM !== undefined)(`terraform fmt finds nothing to do${unless(NO_TERRAFORM)}`, () => {
  for (const folder of [MODULE, REPORTS]) {
    const files = execFileSync('terraform', ['fmt', '-check', '-recursive', folder], {encoding: 'utf8'})
    expect(files).toBe('')
  }
})

/** Validates a module in a copy of its own, and runs its own tests, without any call. */
async function check(
  module: string,
  program: 'terraform' | 'tofu',
): Promise<{report: unknown; tests: string}> {
  const terraform = new Terraform(await temporaryFolder(), module, NOWHERE, program)
  await terraform.run(['init'])
  const report: unknown = JSON.parse((await terraform.run(['validate', '-json'])).stdout)
  return {report, tests: (await terraform.run(['test'])).stdout}
}

for (const [program, missing] of [
  ['terraform', NO_PROVIDER],
  ['tofu', NO_TOFU],
] as const) {
  it.skipIf(missing !== undefined).each([MODULE, CI_MODULE])(
    `%s is valid by itself in ${program}, and its own tests pass${unless(missing)}`,
    async (module) => {
      const {report, tests} = await check(module, program)
      expect(report).toMatchObject({valid: true, warning_count: 0})
      expect(tests).toMatch(/^Success! \d+ passed, 0 failed\.$/m)
    },
    300_000,
  )
}

it.skipIf(NO_PROVIDER !== undefined)(
  `what local env prints for Terraform is valid in a module with a provider block${unless(NO_PROVIDER)}`,
  async () => {
    const terraform = new Terraform(await temporaryFolder(), REPORTS, NOWHERE)
    const override = renderEnvironment('terraform', NOWHERE, {set: {}, unset: []})
    await writeFile(join(terraform.folder, 'local_override.tf'), `${override.join('\n')}\n`)
    await terraform.run(['init'])
    await terraform.run(['validate'])
    expect((await terraform.run(['fmt', '-check', 'local_override.tf'])).stdout).toBe('')
  },
  60_000,
)

it.skipIf(NO_PROVIDER !== undefined)(
  `the API for alerts keeps its place in a state of an earlier version${unless(NO_PROVIDER)}`,
  async () => {
    const terraform = new Terraform(await temporaryFolder(), MODULE, NOWHERE)
    const attributes = {
      id: 'my-project-123/monitoring.googleapis.com',
      project: 'my-project-123',
      service: 'monitoring.googleapis.com',
      disable_on_destroy: false,
    }
    const resource = {
      mode: 'managed',
      type: 'google_project_service',
      name: 'monitoring',
      provider: 'provider["registry.terraform.io/hashicorp/google"]',
      instances: [{index_key: 0, schema_version: 0, attributes}],
    }
    const state = {version: 4, terraform_version: '1.9.0', serial: 1, lineage: 'a', resources: [resource]}
    await writeFile(join(terraform.folder, 'terraform.tfstate'), JSON.stringify(state))
    await terraform.run(['init'])
    const alerts = '-var=alerts={webhook="https://example.com/alerts"}'
    // Nothing else, so that nothing is called.
    const targets = ['optional', 'monitoring'].map((name) => `-target=google_project_service.${name}`)
    const given = variables({project_id: 'my-project-123', region: 'europe-west3'})
    const {stdout} = await terraform.run(['plan', '-refresh=false', ...targets, alerts, ...given])
    expect(stdout).toContain('moved from google_project_service.monitoring[0]')
    expect(stdout).toMatch(/^Plan: 0 to add, \d to change, 0 to destroy\.$/m)
  },
  60_000,
)

it.skipIf(NO_PROVIDER !== undefined)(
  `README: its example plans, as a module within another${unless(NO_PROVIDER)}`,
  async () => {
    const {folder, endpoint, local} = await startLocalPipeline()
    const [, example = ''] =
      /```hcl\n([\s\S]*?)```/.exec(readFileSync(join(MODULE, 'README.md'), 'utf8')) ?? []
    const source = join(folder, 'source')
    await mkdir(source)
    await writeFile(join(source, 'main.tf'), example)
    const place = join(folder, 'example')
    await mkdir(place)
    const origins = {
      endpoint,
      proxy: local.status().proxy,
      tls: local.status().tls,
      folder,
      project: 'other',
      region: 'us-central1',
    }
    const terraform = new Terraform(place, source, origins)
    cpSync(MODULE, join(place, 'terraform'), {recursive: true})
    rmSync(join(place, 'terraform', '.terraform'), {recursive: true, force: true})
    await terraform.run(['init'])
    const image = `x@sha256:${'0'.repeat(64)}`
    const {stdout} = await terraform.run(['plan', ...variables({image})])
    expect(stdout).toContain('project                     = "my-project-123"')
    expect(stdout).toMatch(/^Plan: \d+ to add, 0 to change, 0 to destroy\.$/m)
    expect(stdout).not.toContain('"other"')
    expect(stdout).not.toContain('us-central1')
  },
  60_000,
)
