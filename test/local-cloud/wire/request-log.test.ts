import {expect, test} from 'vitest'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {createRequestLog} from '../../../src/local-cloud/wire/request-log.ts'

test('forgets the owner’s calls first, so that those of service accounts are not lost among them', async () => {
  const log = createRequestLog(systemClock)
  const call = (principal: 'owner' | 'serviceAccount:a', path: string) =>
    log.within(
      {principal, method: 'GET', path},
      () => Promise.resolve(),
      () => 200,
    )
  await call('serviceAccount:a', '/kept')
  for (let sent = 0; sent < 20_000; sent++) await call('owner', '/polled')
  const kept = log.list(0)
  expect(kept.filter(({principal}) => principal !== 'owner')).toHaveLength(1)
  expect(kept.length).toBeLessThan(10_000)
})
