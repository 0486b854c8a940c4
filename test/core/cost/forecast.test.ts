import {describe, expect, test} from 'vitest'
import type {Bill} from '../../../src/core/cost/bill.ts'
import {forecast, type ForecastRequest} from '../../../src/core/cost/forecast.ts'
import {readConfig} from '../../../src/core/config.ts'
import type {SettingName, Settings} from '../../../src/core/settings/settings.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const MONTH_SECONDS = 730 * 3600

async function settingsOf(given: Partial<Record<SettingName, string>>): Promise<Settings> {
  const environment = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      `CLOUD_RUNNER_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
      value,
    ]),
  )
  const {settings} = await readConfig({cwd: await temporaryFolder(), environment, flags: {}, cores: 2})
  return settings
}

async function bill(
  request: Partial<ForecastRequest>,
  settings: Partial<Record<SettingName, string>> = {},
): Promise<Bill> {
  const wanted = {files: 1000, per: 'month', sizeBytes: 5 * 2 ** 20, seconds: 1, ...request} as const
  return forecast(wanted, await settingsOf(settings))
}

function line({lines}: Bill, item: string): Bill['lines'][number] {
  const found = lines.find((one) => one.item === item)
  if (found === undefined) throw new Error(`No ${item} in ${lines.map((one) => one.item).join('; ')}`)
  return found
}

test('the sum is that of its lines, and every line has an assumption, a page and a date', async () => {
  const month = await bill({})
  expect(month.cost).toBeCloseTo(month.gross - month.free, 12)
  expect(month.gross).toBeCloseTo(
    month.lines.reduce((sum, {quantity, price}) => sum + quantity * price, 0),
    12,
  )
  for (const {assumption, source, read} of month.lines) {
    expect(assumption).not.toBe('')
    expect(source).toMatch(/^https:\/\/cloud\.google\.com\//)
    expect(read).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  }
})

test('regions of the lower tier cost less; the free tier takes the same off everywhere', async () => {
  const request = {files: 10_000_000}
  const lower = line(await bill(request, {region: 'us-central1'}), 'Cloud Run service, CPU')
  const higher = line(await bill(request, {region: 'europe-west3'}), 'Cloud Run service, CPU')
  expect([lower.price, higher.price]).toEqual([0.000_024, 0.000_033_6])
  expect(lower.quantity).toBe(10_000_000)
  expect(lower.free).toBeCloseTo(180_000 * 0.000_024, 12)
  expect(higher.free).toBeCloseTo(lower.free, 12)
})

test.each([
  [{region: 'us-central1'}, 0.02, 5 * 0.02],
  [{region: 'europe-west3'}, 0.023, 0],
  [{region: 'europe-west3', location: 'EU'}, 0.026, 0],
  [{region: 'europe-west3', location: 'EUR4'}, 0.044, 0],
  [{region: 'us-central1', storageClass: 'NEARLINE'}, 0.01, 0],
])('a GiB at rest with %j costs $%d', async (settings, price, free) => {
  const stored = (await bill({files: 1_000_000}, settings)).lines.find(({item}) =>
    item.startsWith('Cloud Storage, '),
  )
  expect(stored?.price).toBe(price)
  expect(stored?.free).toBeCloseTo(free, 12)
})

test('reading cold classes costs, by the bytes of the files', async () => {
  const read = line(
    await bill({files: 1024, sizeBytes: 2 ** 20}, {storageClass: 'COLDLINE'}),
    'Cloud Storage retrieval',
  )
  expect([read.quantity, read.price]).toEqual([1, 0.02])
})

test('seconds are billed in steps of 100 ms, by CPUs and memory', async () => {
  const month = await bill({files: 1000, seconds: 0.01}, {cpu: '2', memory: '512Mi'})
  expect(line(month, 'Cloud Run service, CPU').quantity).toBeCloseTo(200, 9)
  expect(line(month, 'Cloud Run service, memory').quantity).toBeCloseTo(50, 9)
})

test.each([
  ['day', 730 / 24],
  ['week', 730 / 168],
  ['month', 1],
] as const)('files per %s', async (per, times) => {
  expect(line(await bill({files: 100, per}), 'Cloud Run requests').quantity).toBeCloseTo(100 * times, 9)
})

describe('instances that wait', () => {
  test('minInstances cost their idle rate for the rest of the month', async () => {
    const idle = line(
      await bill({files: 1000, seconds: 2}, {minInstances: '2'}),
      'Cloud Run minInstances, CPU',
    )
    expect([idle.quantity, idle.price, idle.free]).toEqual([2 * MONTH_SECONDS - 2000, 0.000_003_5, 0])
  })

  test('cpuAlwaysAllocated bills them all month, with no charge per request', async () => {
    const month = await bill({}, {minInstances: '2', cpuAlwaysAllocated: 'true'})
    expect(line(month, 'Cloud Run, CPU').quantity).toBe(2 * MONTH_SECONDS)
    expect(line(month, 'Cloud Run, CPU').price).toBe(0.000_021_6)
    expect(month.lines.some(({item}) => /requests|minInstances/.test(item))).toBe(false)
  })
})

describe('long files go to the job, billed for a minute at least', () => {
  test.each([
    ['by size', {sizeBytes: 256 * 2 ** 20, seconds: 20}, 60],
    ['by time', {sizeBytes: 1, seconds: 700}, 700],
  ])('%s', async (_, request, seconds) => {
    const month = await bill({...request, files: 10})
    expect(line(month, 'Cloud Run job, CPU').quantity).toBe(10 * seconds)
    expect(line(month, 'Cloud Run service, CPU').quantity).toBe(10)
  })
})

test('inputLifecycleDays deletes files; what keeps replaced results is said', async () => {
  const all = line(await bill({}), 'Cloud Storage, STANDARD')
  const short = line(
    await bill({}, {inputLifecycleDays: '3', versioning: 'false', softDeleteDays: '14'}),
    'Cloud Storage, STANDARD',
  )
  expect(short.quantity).toBeLessThan(all.quantity * 0.56)
  expect(all.assumption).toContain('nothing deletes them')
  expect(short.assumption).toContain('14 more days')
  expect(all.assumption).toContain('each billed for 37 more days')
  const kept = line(await bill({}, {noncurrentDays: '0'}), 'Cloud Storage, STANDARD')
  expect(kept.assumption).toContain('which versioning keeps')
})

test('what is in existing buckets is billed to their project', async () => {
  const both = line(await bill({}), 'Cloud Storage, STANDARD')
  const one = line(await bill({}, {inputBucket: 'my-company-incoming'}), 'Cloud Storage, STANDARD')
  expect(one.quantity).toBeCloseTo(both.quantity / 2, 9)
  expect(one.assumption).toContain('existing buckets')
  const none = await bill({}, {inputBucket: 'my-company-incoming', outputBucket: 'my-company-results'})
  expect(none.lines.some(({item}) => item === 'Cloud Storage, STANDARD')).toBe(false)
})

test('a pipeline without files costs nothing but its images, which the free tier covers', async () => {
  const month = await bill({files: 0})
  expect(month.lines.map(({item}) => item)).toEqual(['Artifact Registry'])
  expect(month.cost).toBe(0)
})
