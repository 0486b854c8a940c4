import {existsSync} from 'node:fs'
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises'
import {dirname, join, relative, sep} from 'node:path'
import type {Config} from '../config.ts'
import {AppError} from '../errors.ts'
import {isJsonObject} from '../json.ts'
import {shellPath} from '../shell.ts'
import {codeOf, messageOf} from '../system-error.ts'

/** Services that `init --ci` writes a workflow for. */
export const CI_SERVICES = ['github'] as const

const WORKFLOW = join('.github', 'workflows', 'cloud-runner.yml')

/** Variables of the GitHub repository that the deploying jobs read; outputs of `terraform/ci`. */
export const REPOSITORY_VARIABLES = [
  'CLOUD_RUNNER_PROJECT',
  'WORKLOAD_IDENTITY_PROVIDER',
  'DEPLOYER_SERVICE_ACCOUNT',
] as const

export interface WorkflowResult {
  /** Absolute. */
  readonly file: string
  /** Whether `package.json` of the pipeline's folder lists this package, which `npm ci` then installs. */
  readonly isDependency: boolean
  /** The file that the rehearsal processes, relative to the pipeline's folder; `undefined`: a generated one. */
  readonly sample: string | undefined
}

/**
 * Writes a GitHub workflow that rehearses the pipeline on every pull request and deploys it from the main branch.
 * GitHub reads workflows at the root of a repository alone, so it goes there.
 * @throws AppError `output-exists`, `output-unwritable`; `file-missing` if the worker has no sample to process
 */
export async function writeWorkflow(
  config: Pick<Config, 'folder' | 'workerFolder' | 'settings' | 'sources'>,
): Promise<WorkflowResult> {
  const {folder, workerFolder, settings, sources} = config
  const root = repositoryOf(folder)
  const file = join(root, WORKFLOW)
  const sample = workerFolder === undefined ? undefined : relative(folder, await sampleOf(workerFolder))
  const text = workflow({
    name: settings.name,
    // Any other name is that of cloud-runner.json.
    isChosen: sources.name.kind === 'flag' || sources.name.kind === 'environment',
    subfolder: slashed(relative(root, folder)),
    worker: workerFolder === undefined ? undefined : slashed(relative(folder, workerFolder)),
    hasTests: workerFolder !== undefined && (await hasTests(workerFolder)),
    sample: sample === undefined ? undefined : slashed(sample),
  })
  try {
    await mkdir(dirname(file), {recursive: true})
    await writeFile(file, text, {flag: 'wx'})
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new AppError(`${file} exists. Nothing was written.`, {
        code: 'output-exists',
        suggestions: ['Move or delete it, then run the command again.'],
        cause: error,
      })
    }
    throw new AppError(`${file} cannot be written: ${messageOf(error)}`, {
      code: 'output-unwritable',
      suggestions: [`Check its permissions: ls -ld ${shellPath(root)}`],
      cause: error,
    })
  }
  return {file, isDependency: await isDependency(folder), sample}
}

/** The nearest folder upward with a `.git`; without one, the folder itself. */
function repositoryOf(folder: string): string {
  for (let place = folder; ; place = dirname(place)) {
    if (existsSync(join(place, '.git'))) return place
    if (dirname(place) === place) return folder
  }
}

async function sampleOf(workerFolder: string): Promise<string> {
  const names: string[] = await readdir(workerFolder).catch(() => [])
  const name = names.toSorted().find((one) => one.startsWith('sample.'))
  if (name !== undefined) return join(workerFolder, name)
  throw new AppError(`The workflow needs a file to process, and ${workerFolder} has no sample.*.`, {
    code: 'file-missing',
    suggestions: [`Put a small input there: cp FILE ${shellPath(join(workerFolder, 'sample.csv'))}`],
  })
}

async function hasTests(workerFolder: string): Promise<boolean> {
  const {scripts} = await packageOf(workerFolder)
  return isJsonObject(scripts) && typeof scripts['test'] === 'string'
}

async function isDependency(folder: string): Promise<boolean> {
  const {dependencies, devDependencies} = await packageOf(folder)
  return [dependencies, devDependencies].some((listed) => isJsonObject(listed) && 'cloud-runner' in listed)
}

/** Fields of a folder's `package.json`; none if it has none, or an unreadable one. */
async function packageOf(folder: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const fields: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    return isJsonObject(fields) ? fields : {}
  } catch {
    return {}
  }
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}

interface Workflow {
  readonly name: string
  readonly isChosen: boolean
  /** Of the repository; empty: its root. */
  readonly subfolder: string
  readonly worker: string | undefined
  readonly hasTests: boolean
  readonly sample: string | undefined
}

function workflow({name, isChosen, subfolder, worker, hasTests: tests, sample}: Workflow): string {
  const pipeline = isChosen ? `\n      CLOUD_RUNNER_NAME: ${name}` : ''
  const place =
    subfolder === '' ? '' : `\ndefaults:\n  run:\n    working-directory: ${JSON.stringify(subfolder)}\n`
  const lockfile =
    subfolder === ''
      ? ''
      : `\n          cache-dependency-path: ${JSON.stringify(`${subfolder}/package-lock.json`)}`
  const workerTest =
    tests && worker !== undefined
      ? `\n      - name: Test the worker\n        run: |\n          npm test --prefix ${shellPath(worker)}`
      : ''
  const upload =
    sample === undefined
      ? 'npx cloud-runner sample --output sample.csv\n          npx cloud-runner upload sample.csv --label-column bankrupt --wait'
      : `npx cloud-runner upload ${shellPath(sample)} --wait`
  const install = `      - uses: actions/checkout@v6
        with:
          persist-credentials: false
      - uses: actions/setup-node@v6
        with:
          node-version: 24
          cache: npm${lockfile}
      - name: Install
        run: npm ci`
  const google = `    env:
      CLOUD_RUNNER_TARGET: gcp
      CLOUD_RUNNER_PROJECT: \${{ vars.CLOUD_RUNNER_PROJECT }}${pipeline}
    steps:
${install}
      - uses: google-github-actions/auth@v3
        with:
          workload_identity_provider: \${{ vars.WORKLOAD_IDENTITY_PROVIDER }}
          service_account: \${{ vars.DEPLOYER_SERVICE_ACCOUNT }}`
  return `# Written by \`npx cloud-runner init --ci github\`, and yours to change.
#
# Pull requests rehearse the pipeline on the runner, against the local cloud: no account, no secret.
# Pushes to main deploy the worker with Workload Identity Federation: no keys. Create the pool, the account and its
# grants with the Terraform module node_modules/cloud-runner/terraform/ci, then set its outputs as variables of the
# repository: ${REPOSITORY_VARIABLES.join(', ')}.
name: cloud-runner

on:
  pull_request:
  push:
    branches: [main]

permissions:
  contents: read

concurrency:
  group: cloud-runner-\${{ github.ref }}
  # A deployment is never cut off.
  cancel-in-progress: \${{ github.event_name == 'pull_request' }}
${place}
jobs:
  rehearse:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    env:
      CLOUD_RUNNER_TARGET: local${pipeline}
    steps:
${install}
      - name: Test
        run: npm test --if-present${workerTest}
      - uses: hashicorp/setup-terraform@v3
        with:
          terraform_wrapper: false
      - name: Set up the pipeline
        # With Terraform, the real plan and apply, against the local cloud.
        run: |
          if command -v terraform; then
            npx cloud-runner setup --rehearse --yes
          else
            npx cloud-runner setup --yes
          fi
      - name: Process a file
        run: |
          ${upload}
      - name: Show the errors
        if: failure()
        run: npx cloud-runner logs --severity error
      - name: Remove the pipeline
        if: always()
        run: npx cloud-runner destroy --confirm ${name}

  canary:
    if: github.event_name == 'push' && vars.WORKLOAD_IDENTITY_PROVIDER != ''
    needs: rehearse
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
      contents: read
      id-token: write
${google}
      - name: Deploy to about one file in ten
        run: npx cloud-runner deploy --canary 10

  # Give the environment a wait timer or reviewers, to watch the canary first. To end it: npx cloud-runner rollback
  promote:
    needs: canary
    runs-on: ubuntu-latest
    timeout-minutes: 30
    environment: production
    permissions:
      contents: read
      id-token: write
${google}
      - name: Give it all files
        run: npx cloud-runner deploy --promote
`
}
