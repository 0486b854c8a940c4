import {existsSync} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {beforeAll, describe, expect, it} from 'vitest'
import {reportPage} from '../../../src/core/report/page.ts'
import type {Report} from '../../../worker/contract.ts'
import {processFile} from '../../support/process-file.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const HOSTILE = `<script>alert(1)</script>"'&`
const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
  existsSync(file),
)

/** Values that went wrong; the report itself speaks of cells with NaN. */
const slips = (page: string): string[] =>
  page.replaceAll('NA, NaN, null', '').match(/NaN|undefined|Infinity|\[object/g) ?? []

async function reportOn(classes: readonly string[]): Promise<Report> {
  let state = 5
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const quoted = classes.map((name) => `"${name.replaceAll('"', '""')}"`)
  const rows = Array.from({length: 300}, (_, i) => {
    const x = random()
    const place = Math.min(classes.length - 1, Math.floor((0.6 * x + 0.4 * random()) * classes.length))
    return `${x},${Math.exp(12 * x)},${'rgb'[i % 3]},${i % 20 === 0 ? '' : quoted[place]}\n`
  })
  const {report} = await processFile(`x,wild,"color ${HOSTILE.replaceAll('"', '""')}",y\n${rows.join('')}`, {
    object: `folder/${HOSTILE}.csv`,
  })
  return report
}

let two: Report
let three: Report

beforeAll(async () => {
  two = await reportOn(['0', '1'])
  three = await reportOn(['a', HOSTILE, 'c'])
})

describe('the page of a report', () => {
  it('stands by itself: no script, no request, and nothing of the file as markup', () => {
    for (const page of [reportPage(two), reportPage(three)]) {
      expect(page).not.toMatch(/<script|<link|<img|<iframe|src=|href=|url\(|@import/i)
      expect(page).toContain("default-src 'none'")
      expect(page).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;')
      expect(slips(page)).toEqual([])
    }
  })

  it('is for bright and for dark screens', () => {
    expect(reportPage(two)).toContain('color-scheme: light dark')
    expect(reportPage(two)).toContain('@media (prefers-color-scheme: dark)')
  })

  it('draws each curve of two classes once, and of three for each class', () => {
    const titles = ['ROC curve', 'Precision and recall', 'Calibration', 'Probabilities given']
    const times = (page: string, title: string): number =>
      page.split(`<figcaption>${title}</figcaption>`).length - 1
    for (const title of titles) expect(times(reportPage(two), title)).toBe(1)
    for (const title of titles) expect(times(reportPage(three), title)).toBe(3)
    expect(times(reportPage(three), 'Strongest effects')).toBe(3)
  })

  it('says the figures of the report, with their ranges', () => {
    const page = reportPage(two)
    expect(page).toContain(`<b>${two.metrics.auc?.toFixed(3)}</b>`)
    expect(page).toContain(two.metrics.intervals.auc?.map((end) => end.toFixed(3)).join(' to '))
    expect(page).toContain('300 rows: 285 with a label, 15 to predict')
    expect(page).toContain('wild: quartiles')
    expect(page).toContain('one normal score')
  })

  it('holds where there is nothing to draw', async () => {
    const {report} = await processFile('id,y\n1,0\n2,1\n3,\n')
    const page = reportPage(report)
    expect(slips(page)).toEqual([])
    expect(page).not.toContain('<svg')
    expect(page).toContain('No row could be held out')
    expect(page).toContain('No column was left to learn from')
  })

  it.skipIf(browser === undefined)(
    `is read by a browser as it was written${browser === undefined ? ', skipped: no chromium' : ''}`,
    async () => {
      const file = join(await temporaryFolder(), 'report.html')
      await writeFile(file, reportPage(three))
      const {stdout} = await execa(browser ?? '', [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--dump-dom',
        `file://${file}`,
      ])
      const elements = (text: string): string[] =>
        [...text.matchAll(/<(svg|path|circle|rect|text|figure|table|tr|details|li)\b/g)].map(
          ([, name = '']) => name,
        )
      // What a parser moves, closes or drops shows in the order of the elements; it adds none but table bodies.
      expect(elements(stdout)).toEqual(elements(reportPage(three)))
      expect(stdout.match(/<title>[^<]*alert/g)).not.toBeNull()
    },
    30_000,
  )
})
