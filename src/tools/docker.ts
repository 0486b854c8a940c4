import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {AppError} from '../core/errors.ts'
import type {ContainerEngine} from '../core/ports/images.ts'
import {shellPath} from '../core/shell.ts'
import {command, suggest} from '../core/suggestion.ts'

/** What Cloud Run runs (cloud.google.com/run/docs/container-contract#languages). */
const PLATFORM = 'linux/amd64'
/** An engine that takes longer to answer counts as missing. */
const PROBE_MS = 5000
/** Last lines of a failed build that an error shows. */
const SHOWN_LINES = 15

/** What docker without buildx prints before each build; irrelevant here. */
const LEGACY_BUILDER =
  /^DEPRECATED: The legacy builder|^\s+Install the buildx component|^\s+https:\/\/docs\.docker\.com\/go\/buildx/

/** A docker engine, through its command line, which knows where the engine is. */
export function createDocker(): ContainerEngine {
  return {
    async answers() {
      const {failed} = await docker(['version', '--format', '{{.Server.Version}}'], {timeout: PROBE_MS})
      return !failed
    },

    async has(reference) {
      const {failed} = await docker(['image', 'inspect', reference])
      return !failed
    },

    async build({folder, dockerfile, reference, labels, signal, step}) {
      const labelled = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`])
      const file = dockerfile === undefined ? [] : ['--file', join(folder, dockerfile)]
      const args = ['build', '--platform', PLATFORM, ...file, ...labelled, '--tag', reference, folder]
      const {execa} = await import('execa')
      const building = execa('docker', args, {
        all: true,
        cancelSignal: signal,
        reject: false,
        stdin: 'ignore',
      })
      for await (const line of building.iterable({from: 'all'})) {
        if (/\S/.test(line) && !LEGACY_BUILDER.test(line)) step(line.trim())
      }
      const {failed, all, shortMessage} = await building
      signal.throwIfAborted()
      if (!failed) return
      throw new AppError(
        `docker cannot build ${folder}:\n${lastLines(all || shortMessage || '', SHOWN_LINES)}`,
        {
          code: 'worker-build-failed',
          suggestions: [`See the full output: docker build --platform ${PLATFORM} ${shellPath(folder)}`],
        },
      )
    },

    async push({reference, as, authorization, signal}) {
      await run(['tag', reference, as], signal)
      await withConfiguration(as, authorization, async (options) => {
        await run([...options, 'push', as], signal)
      })
      const repository = as.replace(/:[^:/]+$/, '')
      const {stdout} = await run(['image', 'inspect', '--format', '{{json .RepoDigests}}', as], signal)
      const digests: unknown = JSON.parse(stdout)
      const pushed = Array.isArray(digests)
        ? digests.find((digest) => typeof digest === 'string' && digest.startsWith(`${repository}@`))
        : undefined
      if (typeof pushed === 'string') return pushed.slice(pushed.indexOf('@') + 1)
      throw new AppError(`docker reports no digest for ${as}.`, {
        code: 'program-unusable',
        suggestions: [`Inspect the image: docker image inspect ${as}`],
      })
    },

    async remove({labels, references}) {
      const filters = Object.entries(labels).flatMap(([name, value]) => [
        '--filter',
        `label=${name}=${value}`,
      ])
      const list = async () => {
        const args = ['image', 'ls', '--all', '--quiet', '--no-trunc', ...filters]
        const {stdout} = await docker(args, {timeout: PROBE_MS})
        return new Set(stdout?.split('\n').filter((id) => id !== ''))
      }
      const before = await list()
      // docker complains about missing images and removes the others.
      await docker(['image', 'rm', '--force', ...references, ...before])
      return before.size === 0 ? 0 : before.size - (await list()).size
    },
  }
}

/** Runs docker to its end, which may be a failure. `execa` is loaded only here: few commands need it. */
async function docker(
  args: readonly string[],
  options: {readonly timeout?: number; readonly cancelSignal?: AbortSignal; readonly stdin?: 'ignore'} = {},
) {
  const {execa} = await import('execa')
  return execa('docker', args, {...options, reject: false})
}

async function run(args: readonly string[], signal: AbortSignal): Promise<{stdout: string}> {
  const result = await docker(args, {cancelSignal: signal, stdin: 'ignore'})
  signal.throwIfAborted()
  if (!result.failed) return result
  const text = lastLines(result.stderr || result.shortMessage || '', 3)
  throw new AppError(`docker ${args.find((arg) => !arg.startsWith('-')) ?? ''} failed:\n${text}`, {
    code: /denied|unauthorized/i.test(text) ? 'permission-denied' : 'program-unusable',
    suggestions: [suggest`Without docker: ${command('deploy', '--builder', 'layer')}`],
  })
}

/**
 * Runs with a registry's credentials in a temporary configuration; the user's own is not changed. Only that one knows
 * where the engine is, so its host is passed on.
 */
async function withConfiguration(
  reference: string,
  authorization: string | undefined,
  work: (options: readonly string[]) => Promise<void>,
): Promise<void> {
  const token = authorization?.replace(/^Bearer /i, '')
  if (token === undefined) return work([])
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-docker-'))
  try {
    const format = '{{.Endpoints.docker.Host}}'
    const {stdout} = await docker(['context', 'inspect', '--format', format])
    const auth = Buffer.from(`oauth2accesstoken:${token}`).toString('base64')
    const configuration = {auths: {[reference.slice(0, reference.indexOf('/'))]: {auth}}}
    await writeFile(join(folder, 'config.json'), JSON.stringify(configuration), {mode: 0o600})
    const host = process.env['DOCKER_HOST'] ?? stdout
    await work(['--config', folder, ...(host === '' ? [] : ['--host', host])])
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

function lastLines(text: string, count: number): string {
  return text
    .split('\n')
    .filter((line) => /\S/.test(line) && !LEGACY_BUILDER.test(line))
    .slice(-count)
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n')
}
