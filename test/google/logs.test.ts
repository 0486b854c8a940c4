import {expect, test} from 'vitest'
import {toFilter} from '../../src/google/logs.ts'

test('a filter names service, object and bounds, with values quoted', () => {
  expect(
    toFilter({
      service: 'cloud-runner',
      objects: ['say "hi" \\ there.csv'],
      severity: 'error',
      since: '2026-11-22T00:00:00Z',
      revision: 'cloud-runner-00001-abc',
    }),
  ).toBe(
    String.raw`resource.type="cloud_run_revision" AND resource.labels.service_name="cloud-runner" AND resource.labels.revision_name="cloud-runner-00001-abc" AND labels.object="say \"hi\" \\ there.csv" AND severity>=ERROR AND timestamp>="2026-11-22T00:00:00Z"`,
  )
})
