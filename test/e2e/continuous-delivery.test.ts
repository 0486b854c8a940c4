import {existsSync} from 'node:fs'
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {delimiter, dirname, join} from 'node:path'
import {execa} from 'execa'
import {expect, it} from 'vitest'
import {parseObject} from '../support/cli.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {NO_PROVIDER, providerConfig, unless} from '../support/terraform.ts'
import {jobOf} from '../support/workflow-steps.ts'

const root = join(import.meta.dirname, '../..')

/** A folder as GitHub checks it out: the pipeline, this package as a dependency, and the workflow. */
class Checkout implements AsyncDisposable {
  readonly folder: string
  readonly #environment: Readonly<Record<string, string>>

  private constructor(folder: string, environment: Readonly<Record<string, string>>) {
    this.folder = folder
    this.#environment = environment
  }

  /** @param terraform whether the runner has Terraform */
  static async create({terraform}: {terraform: boolean}): Promise<Checkout> {
    const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-checkout-'))
    await mkdir(join(folder, '.tools'))
    // Node 24 first, and no folder of the checkout: nothing but the package itself may be found.
    const path = [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)].filter(
      (place, index) =>
        index === 0 || (!place.startsWith(root) && (terraform || !existsSync(join(place, 'terraform')))),
    )
    const checkout = new Checkout(folder, {
      HOME: folder,
      PATH: path.join(delimiter),
      npm_config_prefer_offline: 'true',
      ...(terraform ? {TF_CLI_CONFIG_FILE: providerConfig(join(folder, '.tools'))} : {}),
    })
    // The build is there already; packing must not run it again under the feet of other tests.
    const packed = await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {cwd: root})
    const [tarball = ''] = packed.stdout.trim().split('\n').slice(-1)
    await writeFile(join(folder, 'package.json'), '{"private": true}')
    await checkout.run(`npm install --no-audit --no-fund --save-dev ./${tarball}`)
    return checkout
  }

  /** As GitHub runs a step: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell */
  async run(script: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const {exitCode, all} = await execa('bash', ['-e', '-c', script], {
      cwd: this.folder,
      env: {...this.#environment, ...environment},
      all: true,
      reject: false,
    })
    if (exitCode !== 0) throw new Error(`${script}\nended with ${exitCode}:\n${all}`)
    return all
  }

  /** Runs a job's steps, but those for failures. @returns what each printed, by its name */
  async job(
    name: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, string>>> {
    const workflow = await readFile(join(this.folder, '.github/workflows/cloud-runner.yml'), 'utf8')
    const job = jobOf(workflow, name)
    const printed: Record<string, string> = {}
    for (const {name: step, script, condition} of job.steps) {
      if (condition === 'failure()') continue
      printed[step] = await this.run(script, {...job.environment, ...environment})
    }
    return printed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('npx cloud-runner local stop || true')
    await rm(this.folder, {recursive: true, force: true, maxRetries: 5})
  }
}

it('what the workflow does for a pull request passes in a clean folder, and leaves nothing', async () => {
  await using checkout = await Checkout.create({terraform: NO_PROVIDER === undefined})
  await checkout.run('npx cloud-runner init totals')
  expect(await checkout.run('npx cloud-runner init --ci github')).not.toContain('npm install')
  const printed = await checkout.job('rehearse')
  expect(Object.keys(printed)).toEqual([
    'Install',
    'Test',
    'Test the worker',
    'Set up the pipeline',
    'Process a file',
    'Remove the pipeline',
  ])
  expect(printed['Test the worker']).toContain('pass 2')
  expect(printed['Set up the pipeline']).toContain(
    NO_PROVIDER === undefined ? 'with the real Terraform' : 'on the local target',
  )
  expect(printed['Process a file']).toContain('sample.jsonl: done')
  expect(existsSync(join(checkout.folder, '.cloud-runner', 'local'))).toBe(false)
}, 300_000)

it('without Terraform and a worker, the built-in one is rehearsed all the same', async () => {
  await using checkout = await Checkout.create({terraform: false})
  await checkout.run('npx cloud-runner init --ci github')
  const printed = await checkout.job('rehearse')
  expect(printed['Set up the pipeline']).toContain('on the local target')
  expect(printed['Process a file']).toContain('sample.csv: done')
}, 300_000)

it.skipIf(NO_PROVIDER !== undefined)(
  `a push deploys a canary, then gives it all files${unless(NO_PROVIDER)}`,
  async () => {
    await using checkout = await Checkout.create({terraform: true})
    await mkdir(join(checkout.folder, 'google'))
    await using google = await startLocalCloudProcess(join(checkout.folder, 'google'))
    const onGoogle = {
      CLOUD_RUNNER_GOOGLE_ENDPOINT: google.endpoint,
      CLOUD_RUNNER_TARGET: 'gcp',
      CLOUD_RUNNER_PROJECT: 'my-project-123',
    }
    await checkout.run('npx cloud-runner init totals && npx cloud-runner init --ci github')
    await checkout.run('npx cloud-runner setup --yes', onGoogle)
    await checkout.run("echo '// version 2' >> totals/processor.ts")

    const percents = async (): Promise<unknown[]> => {
      const {pipeline} = parseObject(
        await checkout.run('npx cloud-runner status --json 2>/dev/null', onGoogle),
      )
      const {traffic} = Object(pipeline)
      return Array.isArray(traffic) ? traffic.map((one: unknown) => Object(one).percent) : []
    }
    await checkout.job('canary', onGoogle)
    expect(await percents()).toEqual([90, 10])
    await checkout.job('promote', onGoogle)
    expect(await percents()).toEqual([100])
    await checkout.run('npx cloud-runner destroy --confirm cloud-runner', onGoogle)
  },
  300_000,
)
