import {existsSync} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {beforeAll, describe, expect, it} from 'vitest'
import {reportPage} from '../../src/report-page/page.ts'
import type {Report} from '../../worker/contract.ts'
import {noBrowser, openPage} from '../support/browser.ts'
import {processFile} from '../support/process-file.ts'
import {randomFrom} from '../support/random.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const HOSTILE = `<script>alert(1)</script>"'&`
const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
  existsSync(file),
)

/** Values that went wrong; the report itself speaks of cells with NaN. */
const slips = (page: string): string[] =>
  page.replaceAll('N/A, NaN, NaT', '').match(/NaN|undefined|Infinity|\[object/g) ?? []

async function reportOn(classes: readonly string[]): Promise<Report> {
  const {uniform: random} = randomFrom(5)
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
  it('is self-contained: no script, no request, and no text of the file as markup', () => {
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
    const titles = ['ROC curve', 'Precision and recall', 'Calibration', 'Predicted probabilities']
    const times = (page: string, title: string): number =>
      page.split(`<figcaption>${title}</figcaption>`).length - 1
    for (const title of titles) expect(times(reportPage(two), title)).toBe(1)
    for (const title of titles) expect(times(reportPage(three), title)).toBe(3)
    expect(times(reportPage(three), 'Strongest effects')).toBe(3)
  })

  it('describes each drawing for screen readers, with its numbers as a table', () => {
    const page = reportPage(three)
    const drawings = [...page.matchAll(/<svg role="img"[^>]*>(.{0,40})/g)].map(([, start = '']) => start)
    expect(drawings).toHaveLength(3 * (4 + 2))
    for (const start of drawings) expect(start).toMatch(/^<title>[A-Z]/)
    expect(page.match(/<\/title><desc>[A-Z][^<]*\.<\/desc>/g)).toHaveLength(drawings.length)
    expect(page.match(/<summary>Numbers<\/summary>/g)).toHaveLength(3 * 4)
    // As many rows as points.
    const table = page.split('<th scope="col">observed</th>')[1]?.split('</table>')[0]
    expect(table?.match(/<tr><th scope="row">/g)).toHaveLength(three.curves[0]?.calibration.length ?? NaN)
  })

  it('shows names on one line, in their own direction, cut to the available width', async () => {
    const names = ['two\nlines', '\u202edrawkcab', 'bell\u0007', `long ${'利益 '.repeat(60)}end`]
    const {report} = await processFile(
      `${names.map((name) => `"${name}"`).join(',')},y\n${Array.from({length: 90}, (_, i) => `${names.map((_name, j) => Math.sin(i * (j + 1))).join(',')},${Math.sin(i) + Math.cos(i * i) > 0 ? 1 : 0}\n`).join('')}`,
    )
    const drawing = reportPage(report).split('Strongest effects</figcaption>')[1]?.split('</svg>')[0] ?? ''
    const shown = [...drawing.matchAll(/<text[^>]*>([^<]*)<title>/g)].map(([, name = '']) => name)
    expect(shown.toSorted()).toEqual([
      'bell\ufffd',
      'long 利益 利益 利益 利…益 利益 利益 利益 end',
      'two lines',
      '\ufffddrawkcab',
    ])
  })

  it('says the figures of the report, with their ranges', () => {
    const page = reportPage(two)
    expect(page).toContain(`<b>${two.metrics.auc?.toFixed(3)}</b>`)
    expect(page).toContain(two.metrics.intervals.auc?.map((end) => end.toFixed(3)).join(' to '))
    expect(page).toContain('300 rows: 285 with a label, 15 to predict')
    expect(page).toContain('wild: quartiles')
    expect(page).toContain('one normal score')
    expect(page).toContain('L2 penalty (C = 1)')
    const withPenalty = (l2: number) => reportPage({...two, model: {...two.model, penalty: {l2}}})
    expect(withPenalty(2)).toContain('L2 penalty (C = 0.5)')
    expect(withPenalty(0)).toContain('no penalty')
  })

  it('compares categories with the commonest one of their column', async () => {
    const {report} = await processFile(
      `contract,y\n${Array.from({length: 200}, (_, i) => `${i % 4 ? 'month' : 'year'},${Number(i % 4 ? i % 3 > 0 : i % 12 === 0)}\n`).join('')}`,
    )
    const page = reportPage(report)
    expect(page).toContain('compared with month')
    expect(page).toContain('the others are compared with it')
    const drawing = page.split('Strongest effects</figcaption>')[1]?.split('</svg>')[0] ?? ''
    expect(drawing).toContain('contract = year')
    expect(drawing).not.toContain('contract = month')
  })

  it('holds at the ends of what doubles can be', async () => {
    const rows = Array.from(
      {length: 60},
      (_, i) => `${i % 2}e-320,${i % 3 ? 1e308 : 'inf'},${Number(i % 5 > 1)}\n`,
    )
    const {report} = await processFile(`a,b,y\n${rows.join('')}`)
    expect(slips(reportPage(report))).toEqual([])
  })

  it('works if there is nothing to draw', async () => {
    const {report} = await processFile('id,y\n1,0\n2,1\n')
    const page = reportPage(report)
    expect(slips(page)).toEqual([])
    expect(page).not.toContain('<svg')
    expect(page).toContain('No rows could be held out')
    expect(page).toContain('No column was left to learn from')
  })

  it('shows the predictions and the drift of a file without labels', async () => {
    const rows = (count: number, label: (i: number) => string) =>
      Array.from({length: count}, (_, i) => `${Math.sin(i * i)},${'rgb'[i % 3]},${label(i)}\n`).join('')
    const trained = await processFile(`x,color,y\n${rows(200, (i) => String(Number(Math.sin(i * i) > 0.3)))}`)
    const {report} = await processFile(`x,color,y\n${rows(120, () => '')}`, {
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': JSON.stringify(trained.model)},
    })
    const page = reportPage(report)
    expect(page).toContain('<span>rows predicted</span><b>120</b>')
    expect(page).toMatch(/<span>predicted as [01]<\/span><b>\d+<\/b>/)
    expect(page).toContain('<figcaption>Predictions</figcaption>')
    expect(page).toContain('<h2>Drift</h2>')
    expect(page).not.toContain('unknown')
    // There are none with a model of another run.
    expect(page).not.toContain('% intervals')
    // A model does not tell what it was trained with.
    expect(page).not.toContain('penalty')
    expect(slips(page)).toEqual([])
  })

  it.skipIf(noBrowser !== undefined)(
    `fits a phone, tables with long names included${noBrowser === undefined ? '' : `, skipped: ${noBrowser}`}`,
    async () => {
      const names = ['a_class_whose_name_is_made_of_sixty_letters_without_any_blank', '利益'.repeat(30)]
      const file = join(await temporaryFolder(), 'long.html')
      await writeFile(file, reportPage(await reportOn(names)))
      const page = await openPage(`file://${file}`)
      await page.setViewportSize({width: 390, height: 900})
      const cut: unknown = await page.evaluate(`
        for (const one of document.querySelectorAll('details')) one.open = true;
        [...document.querySelectorAll('.scroll')]
          .filter((one) => one.scrollWidth > one.clientWidth)
          .map((one) => one.innerText.slice(0, 60))`)
      expect(cut).toEqual([])
    },
    120_000,
  )

  it.skipIf(noBrowser !== undefined)(
    'keeps the names of twelve classes in sight on a phone, and no heading of its own broken',
    async () => {
      const file = join(await temporaryFolder(), 'twelve.html')
      await writeFile(file, reportPage(await reportOn(Array.from({length: 12}, (_, i) => `class ${i}`))))
      const page = await openPage(`file://${file}`)
      await page.setViewportSize({width: 390, height: 900})
      const seen: unknown = await page.evaluate(`
        const scroll = document.querySelector('.matrix').parentElement;
        scroll.scrollLeft = 200;
        const heading = [...document.querySelectorAll('th')].find((one) => one.textContent === 'predicted');
        const words = document.createRange();
        words.selectNodeContents(heading);
        ({
          scrolled: scroll.scrollLeft,
          name: scroll.querySelector('tbody th').getBoundingClientRect().left - scroll.getBoundingClientRect().left,
          lines: words.getClientRects().length,
        })`)
      expect(seen).toEqual({scrolled: 200, name: 0, lines: 1})
    },
    120_000,
  )

  it.skipIf(noBrowser !== undefined)(
    'has no name of a group over a bar of a histogram',
    async () => {
      const file = join(await temporaryFolder(), 'tall.html')
      const tall = Array.from({length: 20}, (_, i) => (i === 9 ? 100 : 0))
      const curves = two.curves.map((one) => ({...one, histogram: {own: tall, others: tall}}))
      await writeFile(file, reportPage({...two, curves}))
      const page = await openPage(`file://${file}`)
      const over: unknown = await page.evaluate(`
        const svg = [...document.querySelectorAll('svg')].find(
          (one) => one.querySelector('title').textContent === 'Predicted probabilities');
        const bars = [...svg.querySelectorAll('rect')].map((one) => one.getBoundingClientRect());
        [...svg.querySelectorAll('text')]
          .filter((one) => /rows/.test(one.textContent) && !/share/.test(one.textContent))
          .map((one) => one.getBoundingClientRect())
          .map((label) => bars.filter((bar) => bar.top < label.bottom - 1 && label.top + 1 < bar.bottom
            && bar.left < label.right && label.left < bar.right).length)`)
      expect(over).toEqual([0, 0])
    },
    120_000,
  )

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
        [
          ...text.matchAll(
            /<(svg|g|path|line|circle|rect|text|title|desc|figure|table|tr|th|td|details|li)\b/g,
          ),
        ].map(([, name = '']) => name)
      // What a parser moves, closes or drops shows in the order of the elements; it adds none but table bodies.
      expect(elements(stdout)).toEqual(elements(reportPage(three)))
      expect(stdout.match(/<title>[^<]*alert/g)).not.toBeNull()
    },
    120_000,
  )
})
