import {execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {missing, startTools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')
const GO = join(FIXTURES, 'go')
/** A Python that has Google's clients, such as a virtual environment's. */
const PYTHON = process.env['GOOGLE_CLIENTS_PYTHON'] ?? 'python3'

const NO_PYTHON =
  missing(PYTHON) ??
  unless(
    [PYTHON, '-c', 'import google.cloud.storage, google.cloud.pubsub_v1'],
    'no google-cloud-storage and google-cloud-pubsub; GOOGLE_CLIENTS_PYTHON may name a Python that has them',
  )
const NO_GO =
  missing('go') ??
  unless(
    ['go', 'list', '-deps', '.'],
    "Google's clients are not in the module cache; go mod download in test/fixtures/clients/go gets them",
  )

function unless([program = '', ...args]: readonly string[], reason: string): string | undefined {
  try {
    execFileSync(program, args, {
      cwd: GO,
      stdio: 'ignore',
      env: {...process.env, GOPROXY: 'off', GOFLAGS: '-mod=readonly'},
    })
    return undefined
  } catch {
    return ` (skipped: ${reason})`
  }
}

it.skipIf(NO_PYTHON !== undefined)(
  `Google's clients for Python: objects, a notification's way, policies${NO_PYTHON ?? ''}`,
  {timeout: 60_000},
  async () => {
    const {run} = await startTools()
    expect(await run([PYTHON, join(FIXTURES, 'python_clients.py')])).toMatch(/python: done\n$/)
  },
)

it.skipIf(NO_PYTHON !== undefined)(
  `Google's client for Python: signed URLs, a form's policy, HMAC keys${NO_PYTHON ?? ''}`,
  {timeout: 60_000},
  async () => {
    const {run} = await startTools()
    expect(await run([PYTHON, join(FIXTURES, 'python_signing.py')])).toMatch(/signing: done\n$/)
  },
)

it.skipIf(NO_GO !== undefined)(
  `Google's clients for Go: objects, messages${NO_GO ?? ''}`,
  {timeout: 300_000},
  async () => {
    const {run} = await startTools()
    expect(await run(['go', 'run', '-C', GO, '.'], {GOPROXY: 'off'})).toMatch(/go: done\n$/)
  },
)
