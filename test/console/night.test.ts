import {randomUUID} from 'node:crypto'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import type {Locator, Page} from 'playwright-core'
import {expect, test} from 'vitest'
import {deploy} from '../../src/core/deploy/deploy.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {noBrowser, openPage} from '../support/browser.ts'
import {startConsole} from '../support/console.ts'
import {type LocalPipeline, startLocalPipeline} from '../support/local-pipeline.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

/** Does to a file what its name says. */
const NIGHT = `import {PermanentError} from 'cloud-runner/worker'
export default {
  name: 'night',
  async process({object}, output) {
    if (object === 'bad.txt') throw new PermanentError('Not a file for this worker.', {code: 'not-for-me'})
    if (object === 'throw.txt') throw new Error('thrown on purpose')
    if (object === 'exit.txt') process.exit(7)
    if (object === 'hang.txt') await new Promise(() => setInterval(() => undefined, 60_000))
    await output.write(object)
  },
}\n`

const REASONS = {
  'bad.txt': ['failed', 'Not a file for this worker.'],
  'throw.txt': ['dead', 'thrown on purpose'],
  'exit.txt': ['dead', 'exit(7)'],
} as const

test.skipIf(noBrowser !== undefined)(
  `a night's faults are named with reason and remedy, and fixed by clicks${noBrowser ? `, skipped: ${noBrowser}` : ''}`,
  {timeout: 300_000},
  async () => {
    const context = await startLocalPipeline({
      minimumBackoff: '0s',
      maximumBackoff: '0s',
      maxInstances: 2,
      requestTimeout: '5s',
    })
    await setup({workerFolder: await workerFolder('processor.js', NIGHT)}, context)
    const names = [...Object.keys(REASONS), 'hang.txt', 'good-1.txt', 'good-2.txt']
    for (const name of names) await writeFile(join(context.folder, name), name)
    await upload(await planUpload({sources: names, cwd: context.folder}), {}, context)

    const {address} = await startConsole(context)
    const page = await openPage(address)
    page.setDefaultTimeout(120_000)
    // It outlasts its delivery, and the job has it then.
    const atJob =
      /running[\s\S]*not done within its delivery: in job execution .*, started .* ago\. If it hangs, cancel it\./
    await shownAmongGood(context, rowOf(page, 'hang.txt').filter({hasText: atJob}))
    await page.getByRole('link', {name: 'hang.txt'}).click()
    await page.getByText('in job execution').waitFor()
    await page.getByRole('log').getByText('not done within').first().waitFor()
    await page.getByRole('link', {name: 'Files'}).first().click()
    await fix(page, /running 1/, 'Cancel')
    await rowOf(page, 'hang.txt').filter({hasText: 'It was cancelled.'}).waitFor()

    for (const [name, [state, reason]] of Object.entries(REASONS)) {
      await shownAmongGood(context, rowOf(page, name).filter({hasText: state}).filter({hasText: reason}))
      await page.getByRole('link', {name}).click()
      await page.locator('.problem').filter({hasText: reason}).waitFor()
      const remedy = state === 'failed' ? 'Reprocess …' : 'Redrive …'
      expect(await page.getByRole('button', {name: remedy}).isEnabled()).toBe(true)
      if (state === 'dead') await page.getByText(`cloud-runner redrive ${name}`).first().waitFor()
      await page.getByRole('link', {name: 'Files'}).first().click()
    }
    await deploy({workerFolder: await workerFolder('processor.js', capitals('fixed '))}, context)
    await fix(page, /dead 2/, 'Redrive')
    await fix(page, /failed 2/, 'Reprocess')
    for (const name of [...Object.keys(REASONS), 'hang.txt'])
      await shownAmongGood(context, rowOf(page, name).filter({hasText: 'done'}))
  },
)

function rowOf(page: Page, name: string) {
  return page.locator('.files tbody tr').filter({hasText: name})
}

/**
 * Waits for what the page shows while good files keep arriving: with nothing but bad ones left, Pub/Sub would push one a
 * minute.
 */
async function shownAmongGood(context: LocalPipeline, shown: Locator): Promise<void> {
  await expect
    .poll(
      async () => {
        const isVisible = await shown.isVisible()
        if (!isVisible) {
          const name = `more-${randomUUID()}.txt`
          await writeFile(join(context.folder, name), name)
          await upload(await planUpload({sources: [name], cwd: context.folder}), {}, context)
        }
        return isVisible
      },
      {interval: 1000, timeout: 120_000},
    )
    .toBe(true)
}

/** Fixes all files in a state. */
async function fix(page: Page, state: RegExp, verb: string): Promise<void> {
  const tab = page.getByRole('button', {name: state})
  await tab.click()
  await page.getByText(/match$/).waitFor()
  await page.getByRole('button', {name: `${verb} all …`}).click()
  await page.getByRole('button', {name: new RegExp(`^${verb} \\d file`)}).click()
  await page.getByText(new RegExp(`${verb}: \\d files? done\\.`)).waitFor()
  await page.goto(new URL('/', page.url()).href)
}
