import {expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {setupManyFiles} from '../support/many-files.ts'

const FILES = 3200

interface Listed {
  readonly files: {object: string; state: string; attempts: number; hops: {name: string}[]}[]
  readonly counts: Readonly<Record<string, number>>
  readonly total: number
  readonly more: number
  readonly next?: string
}

test(
  'of more files than a listing has on a page, each is counted, listed once, and removed',
  {timeout: 180_000},
  async () => {
    await using cli = await Cli.create()
    await setupManyFiles(cli, FILES)

    const list = async (...args: string[]): Promise<Listed> =>
      JSON.parse((await cli.run(['status', ...args, '--json'])).stdout)
    const names: string[] = []
    for (let after: string | undefined; ;) {
      const page: Listed = await list('--limit', '1500', ...(after === undefined ? [] : ['--after', after]))
      expect(page).toMatchObject({counts: {done: FILES, failed: 1, waiting: 0}, total: FILES + 1})
      names.push(...page.files.map(({object}) => object))
      expect(page.more).toBe(FILES + 1 - names.length)
      if (page.next === undefined) break
      after = page.next
    }
    const copies = Array.from(
      {length: FILES - 1},
      (_, index) => `files/${String(index + 1).padStart(6, '0')}.csv`,
    )
    expect(names).toEqual(['bad.csv', ...copies, 'sample.csv'])

    // A short page tells as much of each file as a long one.
    const {files: few, total} = await list('files/0031*.csv', '--limit', '3')
    const {files: all} = await list('files/0031*.csv', '--limit', '1000')
    expect([total, all.length]).toEqual([100, 100])
    expect(few).toEqual(all.slice(0, 3))
    expect(few[0]).toMatchObject({state: 'done', attempts: 1, revision: expect.any(String)})
    expect(few[0]?.hops.map(({name}) => name)).toEqual(['uploaded', 'notified', 'delivered', 'written'])

    const removed = parseObject((await cli.run(['destroy', '--confirm', 'cloud-runner', '--json'])).stdout)
    expect(removed).toMatchObject({left: []})
  },
)
