import {pathToFileURL} from 'node:url'
import {describe, expect, test} from 'vitest'
import {writeOpener} from '../../src/console/running.ts'
import {notificationOf} from '../../src/core/files/notification.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {chooseFiles, reprocess} from '../../src/core/reprocess.ts'
import {generateSample} from '../../src/core/sample/index.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {expectFine, noBrowser, openPage} from '../support/browser.ts'
import {processed, startConsole} from '../support/console.ts'
import {createOutsider} from '../support/outsider.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {workerFolder} from '../support/worker-folder.ts'

const GOOD = [...generateSample({rows: 200})].join('')
const BAD = 'a,b\n"1,2\n'

const LINES = 6000
const TALKATIVE = `export default {
  name: 'talkative',
  async process(input, output) {
    for (let line = 1; line <= ${LINES}; line++) {
      console.log('line ' + line)
      if (line % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await output.write('done')
  },
}\n`

/** Counts how often the log on the page is drawn, and its most rows. */
const COUNT_WORK = `{
  const log = document.querySelector('[role=log]')
  let renders = 0
  let rows = 0
  new MutationObserver(() => {
    renders++
    rows = Math.max(rows, log.querySelectorAll('.line').length)
  }).observe(log, {childList: true})
  window.work = () => ({renders, rows, isAtEnd: log.scrollHeight - log.scrollTop - log.clientHeight < 8})
}`

describe.skipIf(noBrowser !== undefined)(
  `the page in a browser${noBrowser ? `, skipped: ${noBrowser}` : ''}`,
  () => {
    test('an empty list, then files as they come, filtered in the address', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      const {address, origin} = await startConsole(context)
      const page = await openPage(pathToFileURL(await writeOpener(address, '/', context)).href)
      await page.getByText('No files yet').waitFor()
      expect(page.url()).toBe(`${origin}/`)
      expect(await page.locator('header').innerText()).toContain('LOCAL')
      await expectFine(page)

      await processed({'good.csv': GOOD, 'bad.csv': BAD}, context)
      await page.getByRole('link', {name: 'bad.csv'}).waitFor()
      await page.getByRole('button', {name: /failed 1/}).click()
      await page.getByText('1 file match').waitFor()
      expect(page.url()).toBe(`${origin}/?state=failed`)
      await page.getByRole('button', {name: /failed 1/}).click()
      await page.getByText('2 files', {exact: true}).waitFor()
      await expectFine(page)

      // Keys: search, leave, move, open, back.
      await page.keyboard.press('/')
      await page.keyboard.type('good')
      await page.getByText('1 file match').waitFor()
      await page.keyboard.press('Escape')
      await page.keyboard.press('j')
      const focused = page.locator(':focus')
      expect(await focused.innerText()).toBe('good.csv')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', {name: 'good.csv'}).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('heading', {name: 'Files'}).waitFor()

      await page.goto(`${origin}/?state=nonsense`)
      await page
        .getByRole('alert')
        .filter({hasText: 'state is "nonsense"; it must be one of waiting'})
        .waitFor()
      await expectFine(page)
    })

    test('the focus stays on a row while others arrive', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      await processed({'first.csv': BAD}, context)
      const {address} = await startConsole(context)
      const page = await openPage(address)
      await page.getByRole('link', {name: 'first.csv'}).focus()
      await processed({'second.csv': BAD}, context)
      await page.getByRole('link', {name: 'second.csv'}).waitFor()
      expect(await page.locator(':focus').innerText()).toBe('first.csv')
    })

    test('a file’s page: its path, logs, result and report; reprocessing it adds a run', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      await processed({'good.csv': GOOD}, context)
      const {address, origin} = await startConsole(context)
      const page = await openPage(address)
      await page.goto(`${origin}/files/good.csv`)
      await page.getByText('attempt 1', {exact: true}).waitFor()
      expect(await page.locator('.run').innerText()).toMatch(/waiting[\s\S]*attempt 1[\s\S]*acknowledged/)
      expect(await page.getByRole('log').innerText()).toContain('processing')
      expect(await page.locator('.figures').innerText()).toMatch(/AUC\s+0\.\d{3}/)
      expect(await page.getByRole('region', {name: 'First rows of the result'}).innerText()).toContain(
        'prediction',
      )
      const report = page.frameLocator('iframe')
      await report.getByRole('figure', {name: 'ROC curve'}).waitFor()
      await expectFine(page)

      await page.getByRole('button', {name: 'Reprocess …'}).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('cloud-runner reprocess good.csv').waitFor()
      await expectFine(page)
      const asked: string[] = []
      page.on('request', (request) => asked.push(new URL(request.url()).pathname))
      await dialog.getByRole('button', {name: 'Reprocess 1 file'}).dblclick()
      await page.getByText('Reprocess: 1 file done.').waitFor()
      expect(asked.filter((path) => path === '/api/fixes/reprocess')).toHaveLength(1)
      await page.getByRole('heading', {name: /^Run 2/}).waitFor()
      await expectFine(page)

      await page.reload()
      const ended = page.getByText('Reprocess: 1 file done.')
      await ended.waitFor()
      await page.getByRole('button', {name: 'Dismiss'}).click()
      await page.reload()
      await page.getByRole('heading', {name: /^Run 2/}).waitFor()
      expect(await ended.count()).toBe(0)
    })

    test('a file’s page numbers its runs as history does, and shows the current upload’s log lines alone', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      const {cloud, pipeline, signal} = context
      for (const content of [BAD, `${BAD}again`]) await processed({'bad.csv': content}, context)
      const stored = await cloud.objects.stat(pipeline.names.inputBucket, 'bad.csv')
      if (stored === undefined) throw new TypeError('bad.csv was uploaded')
      await cloud.messages.publish(pipeline.names.topic, notificationOf(stored, undefined), {signal})
      const {address, origin, ask} = await startConsole(context)
      const story = async () => Object((await ask('GET', '/api/files/bad.csv')).json)
      const outcomes = async () => (await story()).attempts.map((one: unknown) => Object(one).outcome)
      await expect.poll(outcomes, {timeout: 30_000}).toEqual(['failed', 'duplicate'])
      const again = await reprocess(await chooseFiles({objects: ['bad.csv']}, context), context)
      await waitForResults(again.notified, {timeoutMs: 30_000}, context)
      const {lines} = await story()
      const generations = lines.map((line: unknown) => Object(line).generation)
      expect(new Set(generations)).toEqual(new Set([stored.generation]))

      const page = await openPage(address)
      await page.goto(`${origin}/files/bad.csv`)
      await page.getByRole('heading', {name: /^Run 3,/}).waitFor()
      const titles = await page.locator('.run h3').allInnerTexts()
      expect(titles.map((title) => title.split(',')[0])).toEqual(['Run 3', 'No completed run', 'Run 2'])
      const history = page.getByRole('region', {name: 'Runs that have ended'}).locator('tbody td:first-child')
      expect(await history.allInnerTexts()).toEqual(['3', '2', '1'])
      await expectFine(page)
    })

    test('logs follow, pause when scrolled, and resume', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      const names = Array.from({length: 12}, (_, index) => `file-${index}.csv`)
      await processed(Object.fromEntries(names.map((name) => [name, BAD])), context)
      const {address, origin} = await startConsole(context)
      const page = await openPage(address)
      await page.goto(`${origin}/logs`)
      const log = page.getByRole('log')
      await log.getByText('file-11.csv').first().waitFor()
      await page.evaluate("document.querySelector('[role=log]').scrollTo({top: 0})")
      const resume = page.getByRole('button', {name: /^Paused: 0 new lines/})
      await resume.waitFor()
      await processed({'late.csv': BAD}, context)
      await page.getByRole('button', {name: /^Paused: [1-9]/}).click()
      await log.getByText('late.csv').first().waitFor()
      expect(await page.getByText('Following').count()).toBe(1)
      await page.getByLabel('Level').selectOption('ERROR')
      await page.getByText('cloud-runner logs --severity error').waitFor()
      await expectFine(page)
    })

    test('thousands of log lines a second: few rows and few renders, the newest line in view', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: await workerFolder('processor.js', TALKATIVE)}, context)
      const {address, origin} = await startConsole(context)
      const page = await openPage(address)
      await page.goto(`${origin}/logs`)
      await page.getByText('Following').waitFor()
      await page.evaluate(COUNT_WORK)
      await processed({'talk.txt': 'x'}, context)
      await page.getByRole('log').getByText(`line ${LINES}`, {exact: true}).waitFor()
      const {renders, rows, isAtEnd} = Object(await page.evaluate('work()'))
      expect(rows).toBe(1000)
      expect(renders).toBeGreaterThan(0)
      expect(renders).toBeLessThan(LINES / 20)
      expect(isAtEnd).toBe(true)
      expect(await page.getByText('Following').count()).toBe(1)
    })

    test('revisions and the pipeline’s parts', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      const {address} = await startConsole(context)
      const page = await openPage(address)
      await page.getByRole('link', {name: 'Revisions'}).click()
      await page.getByText('100 %').waitFor()
      await expectFine(page)
      await page.getByRole('link', {name: 'Pipeline'}).click()
      await page.getByRole('heading', {name: 'push subscription'}).waitFor()
      expect(await page.locator('.parts').first().innerText()).toContain(context.pipeline.names.inputBucket)
      await page.getByText('cloud-runner cost --since 30d').waitFor()
      expect(await page.locator('.figures').innerText()).toMatch(/files in the last minute\s+0[\s\S]*\$0\.00/)
      await expectFine(page)
    })

    test('a refused call with the grant that it lacked', async () => {
      const context = await startLocalPipeline()
      const {project} = context.pipeline.settings
      await setup({workerFolder: undefined}, context)
      const call = await createOutsider(context.endpoint, project)
      const {address, origin} = await startConsole(context)
      const page = await openPage(address)
      await page.getByRole('link', {name: 'Requests'}).click()
      await page.getByLabel('Show').selectOption('denied')
      await page.getByText('No requests match.').waitFor()
      expect(page.url()).toBe(`${origin}/requests?show=denied`)
      await expectFine(page)
      await call(`/v1/projects/${project}/topics`)
      await page.getByText('roles/pubsub.viewer').waitFor()
      expect(await page.locator('.requests tbody').innerText()).toMatch(
        /outsider@[\s\S]*GET \/v1\/projects\/[\s\S]*403[\s\S]*denied: pubsub\.topics\.list on/,
      )
      await page.getByText('cloud-runner local requests --denied').waitFor()
      await expectFine(page)
    })

    test('says so while the console is away, and reconnects to its next run', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      const console = await startConsole(context)
      const page = await openPage(console.address)
      await page.getByText('No files yet').waitFor()
      await console[Symbol.asyncDispose]()
      await page.getByRole('heading', {name: 'Disconnected'}).waitFor()
      await expectFine(page)
      const again = await startConsole(context, Number(new URL(console.origin).port))
      await page.getByRole('heading', {name: 'No access'}).waitFor()
      await expectFine(page)
      await page.goto(again.address)
      await page.getByRole('heading', {name: 'No access'}).waitFor({state: 'detached'})
      await page.getByText('No files yet').waitFor()
      expect(page.url()).toBe(`${again.origin}/`)
    })

    test('a file that is dropped is uploaded', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      const {address} = await startConsole(context)
      const page = await openPage(address)
      await page.getByText('No files yet').waitFor()
      const dropped = await page.evaluateHandle(
        `const data = new DataTransfer(); data.items.add(new File([${JSON.stringify(BAD)}], 'dropped.csv')); data`,
      )
      await page.dispatchEvent('.upload', 'drop', {dataTransfer: dropped})
      await page.getByText('1 file uploaded.').waitFor()
      await page.getByRole('link', {name: 'dropped.csv'}).waitFor()
      const {inputBucket} = context.pipeline.names
      expect(await context.cloud.objects.stat(inputBucket, 'dropped.csv')).toMatchObject({
        sizeBytes: BAD.length,
      })
    })

    test('asks nothing of anybody else, and breaks no rule of its own policy', async () => {
      const context = await startLocalPipeline()
      await setup({workerFolder: undefined}, context)
      await processed({'good.csv': GOOD}, context)
      const {address, origin} = await startConsole(context)
      const page = await openPage('about:blank')
      const requested: string[] = []
      const said: string[] = []
      page.on('request', (request) => requested.push(new URL(request.url()).origin))
      page.on('console', (message) => said.push(message.text()))
      await page.goto(address)
      await page.getByRole('link', {name: 'good.csv'}).click()
      await page.frameLocator('iframe').getByRole('figure', {name: 'ROC curve'}).waitFor()
      expect([...new Set(requested)]).toEqual([origin])
      expect(said).toEqual([])
    })
  },
)
