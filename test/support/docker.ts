import {execFile, execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {promisify} from 'node:util'

const run = promisify(execFile)

/** The base of the Python worker's image. */
const BASE = 'python:3.11-slim'

/** Why tests of containers are skipped; empty where they can run. */
export const NO_DOCKER = whyNot(BASE)

/** Runs the docker CLI. @returns its stdout. @throws Error with its stderr */
export async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args)).stdout.trim()
}

/** Builds the image of the Python worker under a name. */
export async function buildPythonWorker(reference: string): Promise<void> {
  await docker('build', '--quiet', '--tag', reference, join(import.meta.dirname, '../fixtures/python-worker'))
}

/** Whether an engine answers, whatever images it has. */
export function hasDocker(): boolean {
  try {
    execFileSync('docker', ['version'], {stdio: 'ignore'})
    return true
  } catch {
    return false
  }
}

/** Why tests are skipped that need these images besides an engine; empty where they can run. */
export function whyNot(...images: readonly string[]): string {
  if (!hasDocker()) return '(skipped: no docker engine)'
  const missing = images.find((image) => !hasImage(image))
  return missing === undefined ? '' : `(skipped: the docker engine has no image ${missing})`
}

function hasImage(image: string): boolean {
  try {
    execFileSync('docker', ['image', 'inspect', image], {stdio: 'ignore'})
    return true
  } catch {
    return false
  }
}
