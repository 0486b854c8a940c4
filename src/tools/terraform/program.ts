import {spawn} from 'node:child_process'
import {open, rm, statfs} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {AppError} from '../../core/errors.ts'
import {fieldsOf} from '../../core/json.ts'
import {shellPath} from '../../core/shell.ts'
import {codeOf} from '../../core/system-error.ts'
import type {Environment} from '../environment/environment.ts'
import {parseEvent, type Diagnostic, type TerraformEvent} from './events.ts'
import {command, suggest} from '../../core/suggestion.ts'

/** What terraform/versions.tf requires. */
const OLDEST = [1, 9] as const
const READ_AGAIN_MS = 80

export interface TerraformRun {
  readonly exitCode: number
  /** Errors only, in order. */
  readonly errors: readonly Diagnostic[]
  /** Output that is not an event: a crash, or an error in Terraform's own configuration file. */
  readonly noise: string
}

export interface RunOptions {
  /** An abort sends one SIGINT: Terraform then finishes the current resource and saves its state. */
  readonly signal: AbortSignal
  readonly onEvent?: (event: TerraformEvent) => void
}

/** The real terraform in a working folder. */
export interface Terraform {
  readonly folder: string
  /**
   * Runs a subcommand with `-json` output to its end, even if it is interrupted.
   * @throws AppError `program-missing`, `program-unusable`
   */
  run(args: readonly string[], options: RunOptions): Promise<TerraformRun>
  /** Runs a subcommand that prints one JSON value. @throws AppError `terraform-failed` */
  json(args: readonly string[]): Promise<unknown>
}

/**
 * Terraform runs in its own session, so a Ctrl-C in the terminal reaches it once, through this process: at a second
 * one it would abandon the current resource, which would then exist and not be in the state. Its output goes to a file
 * that is read as it grows, not to a pipe: killing cloud-runner does not stop Terraform in the middle of a resource.
 * @param environment changes to this process's own
 */
export function createTerraform(folder: string, environment: Environment): Terraform {
  const env: Record<string, string | undefined> = {
    ...Object.fromEntries(environment.unset.map((name) => [name, undefined])),
    TF_IN_AUTOMATION: '1',
    TF_INPUT: '0',
    CHECKPOINT_DISABLE: '1',
    TF_CLI_ARGS: undefined,
    TF_WORKSPACE: undefined,
    TF_DATA_DIR: undefined,
    ...environment.set,
  }

  async function run(args: readonly string[], {signal, onEvent}: RunOptions): Promise<TerraformRun> {
    signal.throwIfAborted()
    const log = join(folder, `terraform-${args[0] ?? 'run'}.log`)
    await rm(log, {force: true})
    await using reader = await open(log, 'a+', 0o600)
    const child = spawn('terraform', args, {
      cwd: folder,
      env: {...process.env, ...env},
      detached: true,
      stdio: ['ignore', reader.fd, reader.fd],
    })
    const noise: string[] = []
    let ended = false
    const result = new Promise<number | AppError>((resolve) => {
      child.once('error', (error) => resolve(notStarted(codeOf(error) ?? '', error.message)))
      child.once('exit', (code, killer) => {
        if (killer !== null) noise.push(`terraform was ended by ${killer}.`)
        resolve(code ?? 1)
      })
    }).finally(() => {
      ended = true
    })
    const interrupt = (): void => void child.kill('SIGINT')
    signal.addEventListener('abort', interrupt, {once: true})
    const errors: Diagnostic[] = []
    const take = (line: string): void => {
      const event = parseEvent(line)
      if (event === undefined && !line.startsWith('{') && line.trim() !== '') noise.push(line)
      if (event?.kind === 'diagnostic' && event.diagnostic.severity === 'error') errors.push(event.diagnostic)
      if (event !== undefined) onEvent?.(event)
    }
    try {
      const decoder = new TextDecoder()
      const buffer = Buffer.alloc(65_536)
      let position = 0
      let rest = ''
      for (;;) {
        const wasEnded = ended
        const {bytesRead} = await reader.read(buffer, 0, buffer.length, position)
        position += bytesRead
        const lines = (rest + decoder.decode(buffer.subarray(0, bytesRead), {stream: true})).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) take(line)
        if (bytesRead > 0) continue
        if (wasEnded) break
        await Promise.race([sleep(READ_AGAIN_MS), result])
      }
      take(rest)
    } finally {
      signal.removeEventListener('abort', interrupt)
    }
    const exitCode = await result
    if (exitCode instanceof AppError) throw exitCode
    // Its output goes to the same disk and is lost when that is full.
    if (exitCode !== 0 && errors.length === 0 && (await isFull(folder))) noise.push('no space left on device')
    return {exitCode, errors, noise: noise.join('\n')}
  }

  return {
    folder,
    run,
    async json(args) {
      const {execa} = await import('execa')
      const {stdout, stderr, exitCode, code, originalMessage} = await execa('terraform', [...args], {
        cwd: folder,
        env,
        stdin: 'ignore',
        reject: false,
        maxBuffer: 200_000_000,
      })
      if (exitCode === undefined && code !== undefined) throw notStarted(code, originalMessage ?? code)
      try {
        if (exitCode === 0) return JSON.parse(stdout)
      } catch {
        // Reported below, with Terraform's output.
      }
      throw new AppError(`terraform ${args.join(' ')} failed: ${(stderr || stdout).trim()}`, {
        code: 'terraform-failed',
        suggestions: [`Try it yourself: cd ${shellPath(folder)} && terraform ${args.join(' ')}`],
      })
    },
  }
}

/** Less space than a log line takes. */
const NO_ROOM_BYTES = 65_536

async function isFull(folder: string): Promise<boolean> {
  const {bavail, bsize} = await statfs(folder)
  return bavail * bsize < NO_ROOM_BYTES
}

const INSTALL = 'Install it: https://developer.hashicorp.com/terraform/install'

/**
 * Version of the terraform on the PATH.
 * @throws AppError `program-missing`; `program-unusable` if it is older than 1.9 or does not run
 */
export async function terraformVersion(): Promise<string> {
  const {execa} = await import('execa')
  const {stdout, exitCode, code, originalMessage, stderr} = await execa('terraform', ['version', '-json'], {
    env: {CHECKPOINT_DISABLE: '1', TF_CLI_ARGS: undefined},
    stdin: 'ignore',
    reject: false,
  })
  if (exitCode === undefined && code !== undefined) throw notStarted(code, originalMessage ?? code)
  const version = versionIn(stdout)
  if (version === undefined) {
    throw new AppError(`terraform does not report its version: ${(stderr || stdout).trim()}`, {
      code: 'program-unusable',
      suggestions: ['Try it yourself: terraform version', INSTALL],
    })
  }
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new AppError(`terraform is version ${version}; ${OLDEST.join('.')} or later is required.`, {
      code: 'program-unusable',
      suggestions: [INSTALL],
    })
  }
  return version
}

function versionIn(stdout: string): string | undefined {
  try {
    const version = fieldsOf(JSON.parse(stdout))['terraform_version']
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}

function notStarted(code: string, message: string): AppError {
  return code === 'ENOENT'
    ? new AppError('terraform is not on the PATH; it creates the resources on Google Cloud.', {
        code: 'program-missing',
        suggestions: [
          INSTALL,
          'macOS: brew tap hashicorp/tap && brew install hashicorp/tap/terraform',
          suggest`Without it, run everything on this machine: ${command('setup', '--target', 'local')}`,
        ],
      })
    : new AppError(`terraform cannot be run: ${message}`, {
        code: 'program-unusable',
        suggestions: ['Check its permissions: ls -l "$(command -v terraform)"', INSTALL],
      })
}
