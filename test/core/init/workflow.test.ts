import {execFileSync} from 'node:child_process'
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {readConfig, type Config} from '../../../src/core/config.ts'
import {init, TEMPLATES} from '../../../src/core/init/init.ts'
import {REPOSITORY_VARIABLES, writeWorkflow} from '../../../src/core/init/workflow.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {blocksOf} from '../../support/terraform-blocks.ts'
import {CI_MODULE} from '../../support/terraform.ts'
import {missing} from '../../support/tool.ts'
import {jobOf} from '../../support/workflow-steps.ts'

const configOf = (cwd: string, flags: Record<string, string> = {}): Promise<Config> =>
  readConfig({cwd, environment: {}, flags, cores: 2})

const scriptsOf = (text: string, job: string): string =>
  jobOf(text, job)
    .steps.map(({script}) => script)
    .join('\n')

test('without a worker: a generated file is processed, and the pipeline removed', async () => {
  const folder = await temporaryFolder()
  const {file, isDependency, sample} = await writeWorkflow(await configOf(folder))
  expect([file, isDependency, sample]).toEqual([
    join(folder, '.github', 'workflows', 'cloud-runner.yml'),
    false,
    undefined,
  ])
  const text = await readFile(file, 'utf8')
  expect(jobOf(text, 'rehearse').environment).toEqual({CLOUD_RUNNER_TARGET: 'local'})
  expect(scriptsOf(text, 'rehearse')).toContain(
    'npx cloud-runner upload sample.csv --label-column bankrupt --wait',
  )
  expect(scriptsOf(text, 'rehearse')).toContain('npx cloud-runner destroy --confirm cloud-runner')
  expect(scriptsOf(text, 'canary')).toContain('npx cloud-runner deploy --canary 10')
  expect(scriptsOf(text, 'promote')).toContain('npx cloud-runner deploy --promote')
})

test('it holds no secret, and only the jobs that deploy get a token', async () => {
  const folder = await temporaryFolder()
  const text = await readFile((await writeWorkflow(await configOf(folder))).file, 'utf8')
  expect(text).not.toMatch(/secrets\.|credentials_json/)
  const [before = ''] = text.split('\n  canary:\n')
  expect(before).not.toContain('id-token')
  expect(text.match(/id-token: write/g)).toHaveLength(2)
  expect(text).toContain('environment: production')
})

test('it reads the variables that terraform/ci outputs', async () => {
  const outputs = blocksOf(CI_MODULE, 'output').map(({name}) => name)
  expect(outputs.toSorted()).toEqual(REPOSITORY_VARIABLES.toSorted())
  const folder = await temporaryFolder()
  const text = await readFile((await writeWorkflow(await configOf(folder))).file, 'utf8')
  const used = new Set([...text.matchAll(/vars\.(\w+)/g)].map(([, name = '']) => name))
  expect([...used].toSorted()).toEqual(REPOSITORY_VARIABLES.toSorted())
})

test('below the root of a repository it goes to the root, and works in the folder', async () => {
  const root = await temporaryFolder()
  const folder = join(root, 'data', 'invoices')
  await mkdir(join(root, '.git'))
  await mkdir(folder, {recursive: true})
  await writeFile(join(folder, 'package.json'), '{"devDependencies": {"cloud-runner": "1"}}')
  await init(
    {folder: join(folder, 'my worker'), template: 'typescript', taken: false},
    await configOf(folder),
  )
  const {file, isDependency, sample} = await writeWorkflow(await configOf(folder, {name: 'invoices'}))
  expect(file).toBe(join(root, '.github', 'workflows', 'cloud-runner.yml'))
  expect([isDependency, sample]).toEqual([true, 'my worker/sample.jsonl'])
  const text = await readFile(file, 'utf8')
  expect(text).toContain('working-directory: "data/invoices"')
  expect(text).toContain('cache-dependency-path: "data/invoices/package-lock.json"')
  expect(scriptsOf(text, 'rehearse')).toContain("npm test --prefix 'my worker'")
  expect(scriptsOf(text, 'rehearse')).toContain("npx cloud-runner upload 'my worker/sample.jsonl' --wait")
  for (const job of ['rehearse', 'canary', 'promote'])
    expect(jobOf(text, job).environment).toMatchObject({CLOUD_RUNNER_NAME: 'invoices'})
})

test('a file that exists stays, and a worker without a sample is named', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, '.github', 'workflows', 'cloud-runner.yml')
  await mkdir(join(folder, '.github', 'workflows'), {recursive: true})
  await writeFile(file, 'mine')
  await expect(writeWorkflow(await configOf(folder))).rejects.toMatchObject({code: 'output-exists'})
  expect(await readFile(file, 'utf8')).toBe('mine')

  const other = await temporaryFolder()
  await mkdir(join(other, 'worker'))
  await expect(writeWorkflow(await configOf(other, {worker: './worker'}))).rejects.toMatchObject({
    code: 'file-missing',
    message: expect.stringContaining('has no sample.*'),
  })
})

test.skipIf(missing('actionlint') !== undefined).each([undefined, ...TEMPLATES])(
  `actionlint finds nothing in the workflow of a worker from %s${missing('actionlint') ?? ''}`,
  async (template) => {
    const folder = await temporaryFolder()
    if (template !== undefined)
      await init({folder: join(folder, 'a: #b'), template, taken: false}, await configOf(folder))
    const {file} = await writeWorkflow(await configOf(folder))
    expect(execFileSync('actionlint', ['-no-color', file], {encoding: 'utf8'})).toBe('')
  },
)
