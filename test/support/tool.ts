import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {onTestFinished} from 'vitest'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {writeBotoFile} from '../../src/tools/environment/boto-file.ts'
import {environmentOf, type LocalCloudOrigins} from '../../src/tools/environment/environment.ts'
import {writeTrustFiles} from '../../src/tools/environment/trust-files.ts'
import {buildImage, pushImage} from './oci-image.ts'
import {temporaryFolder} from './temporary-folder.ts'

/** Programs of others, pointed at a local cloud of the running test's own by what `local env` prints. */
export interface Tools {
  readonly local: LocalCloud
  readonly project: string
  readonly origins: LocalCloudOrigins
  /** Empty at first; the programs' current folder. */
  readonly folder: string
  /** Makes a repository and pushes an image of a Node server to it. @returns its reference by digest */
  readonly pushServer: (source: string) => Promise<string>
  /** Runs one to its end. @returns what it wrote to both outputs. @throws Error with that where it fails */
  readonly run: (
    command: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ) => Promise<string>
}

const LIMIT_MS = 280_000

/** What the title of a test says at its end where one of the programs is missing: the reason; `undefined` where none is. */
export function missing(...programs: readonly string[]): string | undefined {
  const absent = programs.filter((program) => !isThere(program))
  return absent.length === 0 ? undefined : ` (skipped: no ${absent.join(', no ')})`
}

function isThere(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], {stdio: 'ignore'})
    return true
  } catch {
    return false
  }
}

/** @param root holds the state and the work; a temporary folder by default */
export async function startTools(root?: string): Promise<Tools> {
  const base = root ?? (await temporaryFolder())
  const faults: unknown[] = []
  const stateFolder = join(base, 'state')
  const local = await LocalCloud.start({stateFolder, report: (error) => faults.push(error)})
  onTestFinished(async () => {
    await local[Symbol.asyncDispose]()
    if (faults.length > 0) throw new AggregateError(faults, 'The local cloud reported errors of its own.')
  })
  const folder = join(base, 'work')
  await mkdir(folder)
  const {endpoint, proxy, tls} = local.status()
  const project = 'client-tools'
  const origins = {endpoint, proxy, tls, project, region: 'europe-west3', folder: stateFolder}
  await writeBotoFile(origins)
  await writeTrustFiles(stateFolder, tls.certificate)
  const {set, unset} = environmentOf(origins)
  return {
    local,
    project,
    origins,
    folder,
    async pushServer(source) {
      const repository = `${endpoint}/v1/projects/${project}/locations/europe-west3/repositories`
      const body = JSON.stringify({format: 'DOCKER'})
      const response = await fetch(`${repository}?repository_id=images`, {method: 'POST', body})
      if (!response.ok && response.status !== 409) throw new Error(await response.text())
      const image = await buildImage({files: {'app/main.js': source}})
      return pushImage(endpoint, `${project}/images/worker`, image)
    },
    async run([program = '', ...args], environment = {}) {
      const inherited = Object.entries(process.env).filter(([name]) => !unset.includes(name))
      const child = spawn(program, args, {
        cwd: folder,
        env: {...Object.fromEntries(inherited), ...set, ...environment},
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
      await once(child, 'close')
      if (child.exitCode !== 0)
        throw new Error(
          `${program} ${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}:\n${said}`,
        )
      return said
    },
  }
}
