import {createHash} from 'node:crypto'
import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {fieldsOf} from '../../core/json.ts'
import type {Pipeline} from '../../core/settings/pipeline.ts'
import type {Environment} from '../environment/environment.ts'
import {terraformFailed} from './failure.ts'
import {createTerraform, terraformVersion, type Terraform} from './program.ts'
import {variables} from './variables.ts'

/** Location of Terraform's state: a prefix in a bucket; `undefined` is the working folder itself. */
export interface StateLocation {
  readonly bucket: string
  readonly prefix: string
}

/** What the environment cannot express; the module itself has no provider block. */
const QUICK = {provider: {google: {poll_interval: '250ms', batching: {enable_batching: false}}}}
const QUICK_FILE = 'quick.tf.json'
const BACKEND_FILE = 'backend.tf.json'
/** What was initialized last; in `.terraform`, to be deleted with it. */
const STAMP = join('.terraform', 'cloud-runner.json')

/** Folder of the packaged module. */
const moduleFolder = join(
  dirname(fileURLToPath(import.meta.resolve('cloud-runner/package.json'))),
  'terraform',
)

export interface WorkspaceOptions {
  readonly pipeline: Pipeline
  /** Reference with digest; `undefined` is `null` in the module: only what needs no image. */
  readonly image: string | undefined
  readonly state: StateLocation | undefined
  /** For runs that call Google. */
  readonly environment: Environment
  /** For `init`, which downloads the provider. */
  readonly downloading: Environment
  /** On a local cloud: polls fast and batches nothing. */
  readonly quick: boolean
  readonly signal: AbortSignal
}

/**
 * Prepares the working folder for a plan: a copy of the packaged module, its variables, its backend, the provider. You
 * can also use Terraform there by hand.
 * @throws AppError `program-missing`, `program-unusable`, `provider-missing`, and errors of the backend
 */
export async function prepareWorkspace(folder: string, options: WorkspaceOptions): Promise<Terraform> {
  const {pipeline, image, state, environment, downloading, quick, signal} = options
  const version = await terraformVersion()
  await mkdir(folder, {recursive: true, mode: 0o700})
  const module = await copyModule(folder)
  await writeFile(
    join(folder, 'terraform.tfvars.json'),
    `${JSON.stringify(variables(pipeline, image), undefined, 2)}\n`,
  )
  const backend = JSON.stringify({terraform: {backend: state === undefined ? {local: {}} : {gcs: state}}})
  await writeFile(join(folder, BACKEND_FILE), `${backend}\n`)
  if (quick) await writeFile(join(folder, QUICK_FILE), `${JSON.stringify(QUICK)}\n`)
  else await rm(join(folder, QUICK_FILE), {force: true})

  const last = await readStamp(folder)
  const stamp = {backend, digest: createHash('sha256').update(`${version}\n${module}`).digest('hex')}
  if (last?.backend !== stamp.backend || last.digest !== stamp.digest) {
    const moves = last !== undefined && last.backend !== stamp.backend
    const how = moves ? ['-migrate-state', '-force-copy'] : ['-json']
    const run = await createTerraform(folder, downloading).run(
      ['init', '-input=false', '-no-color', '-lock-timeout=60s', ...how],
      {signal},
    )
    signal.throwIfAborted()
    if (run.exitCode !== 0) throw terraformFailed('terraform init failed', run, folder)
    await writeFile(join(folder, STAMP), JSON.stringify(stamp))
  }
  return createTerraform(folder, environment)
}

/** Copies the module's files and removes those of other versions. @returns their content, for a digest */
async function copyModule(folder: string): Promise<string> {
  const isModule = (name: string): boolean => name.endsWith('.tf')
  const names = (await readdir(moduleFolder)).filter(isModule).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(moduleFolder, name), 'utf8')))
  const old = (await readdir(folder)).filter((name) => isModule(name) && !names.includes(name))
  await Promise.all([
    ...old.map((name) => rm(join(folder, name))),
    ...names.map((name, index) => writeFile(join(folder, name), texts[index] ?? '')),
  ])
  return names.map((name, index) => `${name}\n${texts[index]}`).join('\n')
}

async function readStamp(folder: string): Promise<{backend: string; digest: string} | undefined> {
  try {
    const {backend, digest} = fieldsOf(JSON.parse(await readFile(join(folder, STAMP), 'utf8')))
    return typeof backend === 'string' && typeof digest === 'string' ? {backend, digest} : undefined
  } catch {
    return undefined
  }
}
