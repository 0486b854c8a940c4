import {type ChildProcess, execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {homedir} from 'node:os'
import {basename, join} from 'node:path'
import {
  type Environment,
  environmentOf,
  type LocalCloudOrigins,
} from '../../src/tools/environment/environment.ts'

/** What terraform said and how it ended. */
export interface TerraformRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

interface Provider {
  readonly binary: string
  readonly version: string
}

const PLATFORM = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`

/** The google provider: the binary that TF_GOOGLE_PROVIDER names, else the newest 7.x or 8.x in the plugin cache. */
function findProvider(): Provider | undefined {
  const named = process.env['TF_GOOGLE_PROVIDER']
  if (named !== undefined && existsSync(named)) {
    return {binary: named, version: /_v(\d+\.\d+\.\d+)/.exec(basename(named))?.[1] ?? '7.45.0'}
  }
  const caches = [
    process.env['TF_PLUGIN_CACHE_DIR'],
    join(homedir(), '.terraform.d', 'plugin-cache'),
    join(homedir(), '.terraform.d', 'plugins'),
  ].filter((folder) => folder !== undefined && folder !== '')
  const found = caches.flatMap((cache) =>
    globSync(`registry.terraform.io/hashicorp/google/{7,8}.*/${PLATFORM}/terraform-provider-google_*`, {
      cwd: cache,
    }).map((path) => ({
      binary: join(String(cache), path),
      version: path.split('/')[3] ?? '',
    })),
  )
  return found.toSorted((a, b) => b.version.localeCompare(a.version, undefined, {numeric: true}))[0]
}

function findTerraform(): string | undefined {
  try {
    const text = execFileSync('terraform', ['version', '-json'], {
      encoding: 'utf8',
      env: {...process.env, CHECKPOINT_DISABLE: '1'},
    })
    const [major = 0, minor = 0] = (/"terraform_version":\s*"([\d.]+)/.exec(text)?.[1] ?? '')
      .split('.')
      .map(Number)
    return major > 1 || minor >= 9 ? undefined : 'terraform is older than 1.9'
  } catch {
    return 'no terraform on the PATH'
  }
}

const provider = findProvider()
const missing = findTerraform()

/** Why tests without the provider cannot run here; `undefined` where they can. */
export const NO_TERRAFORM = missing
/** Why tests with the real provider cannot run here; `undefined` where they can. */
export const NO_PROVIDER =
  missing ?? (provider === undefined ? 'no google provider (TF_GOOGLE_PROVIDER names its binary)' : undefined)

/** Why tests with OpenTofu cannot run here; `undefined` where they can. */
export const NO_TOFU = NO_PROVIDER ?? findTofu()

function findTofu(): string | undefined {
  try {
    execFileSync('tofu', ['version'], {stdio: 'ignore'})
    return undefined
  } catch {
    return 'no tofu on the PATH'
  }
}

/** What the title of a test says at its end where it is skipped. */
export function unless(reason: string | undefined): string {
  return reason === undefined ? '' : ` (skipped: ${reason})`
}

/** The module of the product. */
export const MODULE = join(import.meta.dirname, '../../terraform')
/** The module of what a workflow deploys with. */
export const CI_MODULE = join(MODULE, 'ci')
/** A module that is not ours. */
export const REPORTS = join(import.meta.dirname, '../fixtures/terraform-reports')

/** What the environment cannot say: no collecting of requests, operations looked at at once. */
const QUICK =
  'provider "google" {\n  poll_interval = "250ms"\n\n  batching {\n    enable_batching = false\n  }\n}\n'

/**
 * Writes a configuration of Terraform's own that takes the provider from its place and asks no registry.
 * @returns the file, for TF_CLI_CONFIG_FILE
 */
export function providerConfig(folder: string): string {
  const mirror = join(folder, '.mirror')
  const config = join(folder, '.terraformrc')
  writeFileSync(config, `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`)
  if (provider !== undefined) {
    // OpenTofu takes the same provider from a registry of its own.
    for (const registry of ['registry.terraform.io', 'registry.opentofu.org']) {
      const place = join(mirror, registry, 'hashicorp/google', provider.version, PLATFORM)
      mkdirSync(place, {recursive: true})
      symlinkSync(provider.binary, join(place, `terraform-provider-google_v${provider.version}_x5`))
    }
  }
  return config
}

/** Terraform in a folder of its own, a copy of a module, with the environment that `local env` prints. */
export class Terraform {
  readonly folder: string
  readonly #environment: Environment
  readonly #config: string
  readonly #program: 'terraform' | 'tofu'

  /**
   * @param folder empty; becomes the copy
   * @param module folder of the module's files
   */
  constructor(
    folder: string,
    module: string,
    origins: LocalCloudOrigins,
    program: 'terraform' | 'tofu' = 'terraform',
  ) {
    this.#program = program
    cpSync(module, folder, {recursive: true, filter: (path) => !path.includes('.terraform')})
    // An override needs a block to override; where the module has none, this one is it.
    const configures = globSync('*.tf', {cwd: folder}).some((file) =>
      readFileSync(join(folder, file), 'utf8').includes('provider "google"'),
    )
    writeFileSync(join(folder, configures ? 'quick_override.tf' : 'quick.tf'), QUICK)
    this.folder = folder
    this.#environment = environmentOf(origins)
    this.#config = providerConfig(folder)
  }

  /** Keeps the state in a bucket from the next `init` on. */
  useBucket(bucket: string): void {
    writeFileSync(
      join(this.folder, 'backend.tf'),
      `terraform {\n  backend "gcs" {\n    bucket = "${bucket}"\n    prefix = "state"\n  }\n}\n`,
    )
  }

  /** Runs it to its end. @throws Error with all it said where the exit code is none of `expected` */
  async run(
    args: readonly string[],
    {expected = [0]}: {expected?: readonly number[]} = {},
  ): Promise<TerraformRun> {
    const ended = await this.start(args).ended
    if (!expected.includes(ended.exitCode)) {
      throw new Error(
        `${this.#program} ${args.join(' ')} ended with ${ended.exitCode}, not ${expected.join(' or ')}:\n${ended.stdout}\n${ended.stderr}`,
      )
    }
    return ended
  }

  start(args: readonly string[]): {readonly child: ChildProcess; readonly ended: Promise<TerraformRun>} {
    const environment: NodeJS.ProcessEnv = {...process.env}
    for (const name of this.#environment.unset) delete environment[name]
    const child = spawn(this.#program, [...args, ...(args[0] === 'output' ? [] : ['-no-color'])], {
      cwd: this.folder,
      env: {
        ...environment,
        ...this.#environment.set,
        TF_CLI_CONFIG_FILE: this.#config,
        TF_IN_AUTOMATION: '1',
        TF_INPUT: '0',
        TF_PLUGIN_CACHE_DIR: '',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const ended = once(child, 'close').then(() => ({exitCode: child.exitCode ?? 1, stdout, stderr}))
    return {child, ended}
  }
}

/** `-var` for each variable that is given. */
export function variables(values: Readonly<Record<string, string | number | boolean | undefined>>): string[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `-var=${name}=${value}`)
}
