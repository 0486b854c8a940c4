import {spawn} from 'node:child_process'
import {existsSync} from 'node:fs'
import {chmod, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {afterEach, describe, expect, test, vi} from 'vitest'
import type {TerraformEvent} from '../../../src/tools/terraform/events.ts'
import {terraformFailed} from '../../../src/tools/terraform/failure.ts'
import {createTerraform, terraformVersion, type Terraform} from '../../../src/tools/terraform/program.ts'
import {fillDisk, mountSmallDisk, NO_SMALL_DISK} from '../../support/small-disk.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {NO_TERRAFORM, unless} from '../../support/terraform.ts'
import {render} from '../../../src/core/suggestion.ts'

// The real terraform, on modules of its own built-in resource: no provider, no network.

const {signal} = new AbortController()
const disk = mountSmallDisk()
const NOTHING = {set: {}, unset: []}

async function moduleOf(text: string, given?: string): Promise<Terraform> {
  const folder = given ?? (await temporaryFolder())
  await writeFile(join(folder, 'main.tf'), text)
  const terraform = createTerraform(folder, NOTHING)
  const {exitCode, errors} = await terraform.run(['init', '-json', '-input=false'], {signal})
  expect([exitCode, errors]).toEqual([0, []])
  return terraform
}

const plan = ['plan', '-json', '-input=false']
const apply = ['apply', '-json', '-input=false', '-auto-approve']

/** Two resources, the first of which takes until a file `go` is there. */
const SLOW = `
resource "terraform_data" "first" {
  provisioner "local-exec" {
    command = "echo $PPID > pid; touch started; while [ ! -e go ]; do sleep 0.02; done"
  }
}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
}
`

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, {timeout: 20_000, interval: 20})
}

async function recorded({folder}: Terraform): Promise<string[]> {
  const {resources} = JSON.parse(await readFile(join(folder, 'terraform.tfstate'), 'utf8'))
  return resources.map(({name}: {name: string}) => name)
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe.skipIf(NO_TERRAFORM !== undefined)(`terraform${unless(NO_TERRAFORM)}`, () => {
  test('says what it does while it does it', async () => {
    const terraform = await moduleOf(
      'resource "terraform_data" "one" { input = "x" }\noutput "value" { value = terraform_data.one.output }',
    )
    const events: TerraformEvent[] = []
    const run = await terraform.run(apply, {signal, onEvent: (event) => events.push(event)})
    expect(run).toMatchObject({exitCode: 0, errors: []})
    const one = {action: 'create', address: 'terraform_data.one', resourceType: 'terraform_data'}
    expect(events).toContainEqual({kind: 'start', ...one})
    expect(events).toContainEqual({kind: 'complete', ...one})
    expect(events.at(-1)).toEqual({kind: 'outputs', values: {value: 'x'}})
  })

  test('interrupted, it finishes the current resource, keeps it in the state, and continues the next time', async () => {
    const terraform = await moduleOf(SLOW)
    const controller = new AbortController()
    const run = terraform.run(apply, {signal: controller.signal})
    await until(() => existsSync(join(terraform.folder, 'started')))
    controller.abort()
    const log = join(terraform.folder, 'terraform-apply.log')
    await until(async () => (await readFile(log, 'utf8')).includes('Interrupt received'))
    await writeFile(join(terraform.folder, 'go'), '')
    expect((await run).exitCode).toBe(1)
    expect(await recorded(terraform)).toEqual(['first'])
    expect((await terraform.run(apply, {signal})).exitCode).toBe(0)
    expect(await recorded(terraform)).toEqual(['first', 'second'])
  })

  test('runs to its end when the process that started it is killed', async () => {
    const terraform = await moduleOf(SLOW)
    const program = pathToFileURL(join(import.meta.dirname, '../../../src/tools/terraform/program.ts')).href
    const script = `const {createTerraform} = await import(${JSON.stringify(program)})
      const run = createTerraform(${JSON.stringify(terraform.folder)}, {set: {}, unset: []})
      await run.run(${JSON.stringify(apply)}, {signal: new AbortController().signal})`
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {stdio: 'ignore'})
    await until(() => existsSync(join(terraform.folder, 'started')))
    starter.kill('SIGKILL')
    await writeFile(join(terraform.folder, 'go'), '')
    await until(async () => (await recorded(terraform).catch(() => [])).length === 2)
    expect(await recorded(terraform)).toEqual(['first', 'second'])
  })

  test('killed itself, it is reported as killed, and the next run continues', async () => {
    const terraform = await moduleOf(SLOW)
    const first = terraform.run(apply, {signal})
    await until(() => existsSync(join(terraform.folder, 'started')))
    process.kill(Number(await readFile(join(terraform.folder, 'pid'), 'utf8')), 'SIGKILL')
    const run = await first
    expect(terraformFailed('terraform apply failed', run, terraform.folder)).toMatchObject({
      code: 'terraform-failed',
      message: expect.stringContaining('terraform was ended by SIGKILL.'),
    })
    await writeFile(join(terraform.folder, 'go'), '')
    expect((await terraform.run(apply, {signal})).exitCode).toBe(0)
    expect(await recorded(terraform)).toEqual(['first', 'second'])
  })

  test('another run holds the lock: who, since when, and how to get rid of it', async () => {
    const terraform = await moduleOf(SLOW)
    const first = terraform.run(apply, {signal})
    await until(() => existsSync(join(terraform.folder, 'started')))
    const second = createTerraform(terraform.folder, NOTHING)
    const run = await second.run(['plan', '-json', '-input=false', '-lock-timeout=0s'], {signal})
    expect(terraformFailed('plan', run, terraform.folder)).toMatchObject({
      code: 'locked',
      message: expect.stringMatching(/^Another Terraform has locked the state: \S+@\S+, since \d{4}-/),
      suggestions: expect.arrayContaining([
        expect.stringMatching(/terraform force-unlock -force [0-9a-f-]{36}$/),
      ]),
    })
    await writeFile(join(terraform.folder, 'go'), '')
    await first
  })

  test.skipIf(disk === undefined)(
    `a disk that gets full in the middle: said, and once there is room it goes on${disk === undefined ? NO_SMALL_DISK : ''}`,
    async () => {
      const terraform = await moduleOf(SLOW, disk)
      const applying = terraform.run(apply, {signal})
      await until(() => existsSync(join(terraform.folder, 'started')))
      const filler = await fillDisk(terraform.folder)
      await writeFile(join(terraform.folder, 'go'), '')
      const middle = terraformFailed('terraform apply failed', await applying, terraform.folder)
      const before = terraformFailed('plan', await terraform.run(plan, {signal}), terraform.folder)
      for (const failure of [middle, before]) {
        expect(failure).toMatchObject({
          code: 'disk-full',
          message: `The disk is full: Terraform cannot write to ${terraform.folder}.`,
          suggestions: [
            `Free some space: df -h ${terraform.folder}`,
            expect.stringContaining('same command again'),
          ],
        })
      }
      await rm(filler)
      expect((await terraform.run(apply, {signal})).exitCode).toBe(0)
      expect(await recorded(terraform)).toEqual(['first', 'second'])
    },
  )

  test.each([
    ['{"version":', 'state-unreadable', /is corrupt/],
    ['{"version": 9, "terraform_version": "9.11.4", "serial": 1}', 'state-version', /Terraform 9\.11\.4/],
  ])('a state %s', async (text, code, message) => {
    const terraform = await moduleOf('resource "terraform_data" "one" {}')
    await writeFile(join(terraform.folder, 'terraform.tfstate'), text)
    const run = await terraform.run(plan, {signal})
    const failure = terraformFailed('terraform plan failed', run, terraform.folder)
    expect(failure).toMatchObject({code, message: expect.stringMatching(message)})
    expect(failure.suggestions.map(render).join('\n')).not.toContain('-lock=false')
  })

  test.skipIf(process.getuid?.() === 0)('a folder that may not be written', async () => {
    const terraform = await moduleOf('resource "terraform_data" "one" {}')
    await chmod(terraform.folder, 0o500)
    const run = await terraform.run(plan, {signal}).catch((error: unknown) => error)
    await chmod(terraform.folder, 0o700)
    expect(run).toMatchObject({code: expect.stringMatching(/EACCES|state-unwritable/)})
  })

  test('a provider that cannot be downloaded', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1')
    vi.stubEnv('TF_CLI_CONFIG_FILE', '/dev/null')
    vi.stubEnv('TF_PLUGIN_CACHE_DIR', '')
    const folder = await temporaryFolder()
    await writeFile(
      join(folder, 'main.tf'),
      'terraform {\n  required_providers {\n    google = {\n      source = "hashicorp/google"\n    }\n  }\n}\n',
    )
    const run = await createTerraform(folder, NOTHING).run(['init', '-json', '-input=false'], {signal})
    expect(terraformFailed('terraform init failed', run, folder)).toMatchObject({
      code: 'provider-missing',
      message: expect.stringContaining('could not connect to registry.terraform.io'),
    })
  })
})

describe('no terraform to speak of', () => {
  test('none on the PATH', async () => {
    vi.stubEnv('PATH', await temporaryFolder())
    await expect(terraformVersion()).rejects.toMatchObject({
      code: 'program-missing',
      suggestions: expect.arrayContaining([expect.stringContaining('terraform/install')]),
    })
    const terraform = createTerraform(await temporaryFolder(), NOTHING)
    await expect(terraform.run(['init', '-json'], {signal})).rejects.toMatchObject({code: 'program-missing'})
  })

  test('an old one', async () => {
    const folder = await temporaryFolder()
    await writeFile(
      join(folder, 'terraform'),
      `#!/bin/sh\necho '{"terraform_version": "1.5.7", "platform": "linux_amd64"}'\n`,
      {mode: 0o755},
    )
    vi.stubEnv('PATH', `${folder}:/bin:/usr/bin`)
    await expect(terraformVersion()).rejects.toMatchObject({
      code: 'program-unusable',
      message: 'terraform is version 1.5.7; 1.9 or later is required.',
    })
  })
})
