import {expect, test} from 'vitest'
import {FileIndex} from '../../src/console/file-index.ts'
import type {FileState, FileStatus} from '../../src/core/files/files.ts'

const STATES: readonly FileState[] = ['done', 'done', 'done', 'failed', 'waiting']
const ALL = {states: [], prefix: '', text: '', since: '', revision: ''}

function file(index: number, state: FileState = STATES[index % STATES.length] ?? 'done'): FileStatus {
  return {
    object: `reports/${String(index).padStart(6, '0')}.csv`,
    generation: String(index),
    sizeBytes: 1,
    // A hundred at the same instant: a page may end among them.
    uploadedAt: new Date(1_790_000_000_000 + Math.floor(index / 100) * 1000).toISOString(),
    state,
    attempts: 1,
    hops: [],
  }
}

test('of 100,000 files none comes twice, on whatever page', () => {
  const index = new FileIndex()
  index.replace(Array.from({length: 100_000}, (_, at) => file(at)))
  const seen = new Set<string>()
  let after: string | undefined
  let pages = 0
  do {
    const page = index.page({...ALL}, {limit: 1000, ...(after === undefined ? {} : {after})})
    for (const {object} of page.files) seen.add(object)
    after = page.next
    pages++
  } while (after !== undefined && pages < 25)
  expect(seen.size).toBe(25_000)
  const searched = index.page({...ALL, states: ['failed'], text: '8.CSV'}, {limit: 10})
  expect(searched).toMatchObject({total: 10_000, counts: {failed: 10_000, done: 0}})
})

test('a page resumes where the last one ended, though files came and went', () => {
  const index = new FileIndex()
  index.replace([file(0), file(1), file(2), file(3)])
  const first = index.page(ALL, {limit: 2})
  expect(first.files.map(({generation}) => generation)).toEqual(['0', '1'])
  index.replace([file(500), file(0), file(2), file(3)])
  const {next: after = ''} = first
  expect(index.page(ALL, {limit: 2, after}).files.map(({generation}) => generation)).toEqual(['2', '3'])
})

test('the version changes with what the list shows, and only then', () => {
  const index = new FileIndex()
  index.replace([file(0), file(1)])
  const {version} = index
  index.replace([file(1), file(0)])
  expect(index.version).toBe(version)
  index.replace([file(0), file(1, 'failed')])
  expect(index.version).toBeGreaterThan(version)
})
