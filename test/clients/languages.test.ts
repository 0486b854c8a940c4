import {join} from 'node:path'
import {expect, it} from 'vitest'
import {GO_MODULE, PYTHON, withoutGo, withoutPython} from '../support/google-clients.ts'
import {startTools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')
const NO_PYTHON = withoutPython('google.cloud.storage', 'google.cloud.pubsub_v1')
const NO_GO = withoutGo()

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
    expect(await run(['go', 'run', '-C', GO_MODULE, '.'], {GOPROXY: 'off'})).toMatch(/go: done\n$/)
  },
)
