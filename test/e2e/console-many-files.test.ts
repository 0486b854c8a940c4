import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {expectFine, noBrowser, openPage} from '../support/browser.ts'
import {Cli, parseObject} from '../support/cli.ts'
import {setupManyFiles} from '../support/many-files.ts'

const FILES = 100_000

test.skipIf(noBrowser !== undefined)(
  `the console of a pipeline with 100,000 files${noBrowser ? `, skipped: ${noBrowser}` : ''}`,
  {timeout: 300_000},
  async () => {
    await using cli = await Cli.create()
    await setupManyFiles(cli, FILES)
    const console = cli.start(['console', '--json', '--no-open'])
    await console.shows('"address"')
    const state = join(cli.folder, '.cloud-runner')
    const file = (await readdir(state)).find((name) => /^console-.*\.json$/.test(name)) ?? ''
    const {address} = parseObject(await readFile(join(state, file), 'utf8'))

    const page = await openPage(String(address))
    page.setDefaultTimeout(120_000)
    await page.getByText('Reading the files').waitFor()
    await expectFine(page)
    await page.getByText('100,001 files', {exact: true}).waitFor()
    const rows = page.locator('.files tbody tr')
    expect(await rows.count()).toBe(100)
    await expectFine(page)

    const answers: number[] = []
    page.on('response', async (response) => {
      if (response.url().includes('/api/files?')) answers.push((await response.body()).length)
    })
    await page.getByLabel('Search').fill('000042')
    await page.getByText('1 file match').waitFor()
    expect(await rows.innerText()).toContain('files/000042.csv')
    await page.getByLabel('Search').fill('')
    await page.getByText('100,001 files', {exact: true}).waitFor()
    const first = await rows.first().innerText()
    await page.getByRole('link', {name: 'Older'}).click()
    await page.getByRole('link', {name: 'Newest'}).waitFor()
    await expect.poll(() => rows.first().innerText()).not.toBe(first)
    expect(await rows.count()).toBe(100)
    // No answer grows with the number of files.
    expect(Math.max(...answers)).toBeLessThan(200_000)

    await page.getByRole('button', {name: /failed 1/}).click()
    await page.getByRole('link', {name: 'bad.csv'}).click()
    await page.getByRole('heading', {name: 'bad.csv'}).waitFor()
    await page.getByText(/quote/).first().waitFor()
    await page.getByRole('button', {name: 'Reprocess …'}).click()
    await page.getByRole('button', {name: 'Reprocess 1 file'}).click()
    await page.getByText('Reprocess: 1 file done.').waitFor()
    await page.getByRole('heading', {name: 'Run 2'}).waitFor()
    await page.getByText('attempt 1', {exact: true}).first().waitFor()
    const download = page.waitForEvent('download')
    await page.getByText('Export as HTML').click()
    expect((await download).suggestedFilename()).toBe('bad.csv.html')

    const sections = {
      Logs: page.getByRole('log').getByText('bad.csv').first(),
      Revisions: page.getByText('100 %'),
      Pipeline: page.getByText('100,001').first(),
      Requests: page.getByText('cloud-runner local requests'),
    }
    for (const [name, shown] of Object.entries(sections)) {
      await page.getByRole('link', {name, exact: true}).click()
      await shown.waitFor()
      await expectFine(page)
    }
    console.kill('SIGINT')
    expect((await console.ended).exitCode).toBe(130)
  },
)
