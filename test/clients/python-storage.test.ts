import {execFileSync} from 'node:child_process'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {missing, startTools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')
/** A Python that has the packages, such as a virtual environment's. */
const PYTHON = process.env['GOOGLE_CLIENTS_PYTHON'] ?? 'python3'

function without(name: string): string | undefined {
  const absent = missing(PYTHON)
  if (absent !== undefined) return absent
  try {
    execFileSync(PYTHON, ['-c', `import ${name}`], {stdio: 'ignore'})
    return undefined
  } catch {
    return ` (skipped: no ${name}; GOOGLE_CLIENTS_PYTHON may name a Python that has it)`
  }
}

for (const name of ['polars', 'gcsfs']) {
  const reason = without(name)
  it.skipIf(reason !== undefined)(
    `${name}: reads, writes and lists${reason ?? ''}`,
    {timeout: 120_000},
    async () => {
      const {run, local, project} = await startTools()
      const created = await fetch(`${local.endpoint}/storage/v1/b?project=${project}`, {
        method: 'POST',
        body: JSON.stringify({name: 'python-data'}),
      })
      expect(created.status).toBe(200)
      // The second turns off a call over gRPC, which Cloud Storage does not have here.
      const environment = {BUCKET: 'python-data', GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT: 'false'}
      const said = await run([PYTHON, join(FIXTURES, `${name}_storage.py`), local.endpoint], environment)
      expect(said).toContain(`${name}: done`)
    },
  )
}
