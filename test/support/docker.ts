import {execFile, execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {promisify} from 'node:util'

const run = promisify(execFile)

/** The base of the Python worker's image. */
const BASE = 'python:3.11-slim'

/** Why tests of containers are skipped; empty where they can run. */
export const NO_DOCKER = whyNot()

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

function whyNot(): string {
  if (!hasDocker()) return '(skipped: no docker engine)'
  try {
    execFileSync('docker', ['image', 'inspect', BASE], {stdio: 'ignore'})
    return ''
  } catch {
    return `(skipped: the docker engine has no image ${BASE})`
  }
}
