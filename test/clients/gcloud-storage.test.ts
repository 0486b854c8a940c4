import {join} from 'node:path'
import {expect, it} from 'vitest'
import {missing, startTools} from '../support/tool.ts'

const SCRIPT = join(import.meta.dirname, '../fixtures/clients/gcloud-storage-policies.sh')
const REASON = missing('gcloud', 'bash')

it.skipIf(REASON !== undefined)(
  `gcloud storage: soft delete, restore, holds, retention, lifecycle rules, classes${REASON ?? ''}`,
  {timeout: 300_000},
  async () => {
    const {run} = await startTools()
    expect(await run(['bash', SCRIPT], {BUCKET: 'gcloud-policies'})).toMatch(
      /gcloud storage policies: done\n$/,
    )
  },
)
