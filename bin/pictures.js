#!/usr/bin/env node
// Photographs the console and the report of a real run for README and docs: docs/pictures/*.png. Needs Chromium.
import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {createInterface} from 'node:readline'
import {fileURLToPath} from 'node:url'
import {chromium} from 'playwright-core'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pictures = join(root, 'docs', 'pictures')
const folder = mkdtempSync(join(tmpdir(), 'cloud-runner-pictures-'))
const program = join(root, 'bin', 'run.js')
const run = (...args) => execFileSync(process.execPath, [program, ...args], {cwd: folder, encoding: 'utf8'})

mkdirSync(pictures, {recursive: true})
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  run('setup')
  run('sample')
  for (const quarter of ['q1', 'q2', 'q3'])
    run('sample', '--output', `2025-${quarter}.csv`, '--rows', '400', '--seed', quarter.slice(1))
  writeFileSync(join(folder, '2025-q4.csv'), 'company_id,revenue\nC0000001,12\n')
  try {
    run(
      'upload',
      '2025-q1.csv',
      '2025-q2.csv',
      '2025-q3.csv',
      '2025-q4.csv',
      'financial_statements.csv',
      '--wait',
    )
  } catch {
    // One file has no label column, so that a failed one is in the picture.
  }
  // A second run, for the history.
  run('upload', 'financial_statements.csv', '--set', 'C=auto', '--wait')
  run('report', 'financial_statements.csv', '--output', 'report.html')

  const server = spawn(process.execPath, [program, 'console', '--json', '--no-open'], {cwd: folder})
  const [line] = await once(createInterface(server.stdout), 'line')
  const page = await browser.newPage({viewport: {width: 1000, height: 560}})
  const photograph = async (name, address) => {
    await page.goto(address)
    await page.waitForTimeout(2000)
    await page.screenshot({path: join(pictures, `${name}.png`)})
  }
  const {address} = JSON.parse(line)
  await photograph('console', address)
  await page.getByRole('link', {name: 'financial_statements.csv'}).first().click()
  await page.waitForTimeout(2000)
  await page.screenshot({path: join(pictures, 'file.png')})
  const history = page.locator('section', {has: page.getByRole('heading', {name: 'History'})})
  await history.screenshot({path: join(pictures, 'history.png')})
  await photograph('report', `file://${join(folder, 'report.html')}`)
  server.kill('SIGINT')
  await once(server, 'exit')
} finally {
  await browser.close()
  run('destroy', '--confirm', 'cloud-runner')
  rmSync(folder, {recursive: true, force: true})
}
