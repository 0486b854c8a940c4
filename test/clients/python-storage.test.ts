import {join} from 'node:path'
import {expect, it} from 'vitest'
import {PYTHON, withoutPython} from '../support/google-clients.ts'
import {startTools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')

for (const name of ['polars', 'gcsfs']) {
  const reason = withoutPython(name)
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
