import {existsSync} from 'node:fs'
import axe from 'axe-core'
import {chromium, type Page} from 'playwright-core'
import {expect, onTestFinished} from 'vitest'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)

const WIDTHS = [390, 768, 1280]

/** Why no test can open a browser here, if so. */
export const noBrowser =
  CHROMIUM === undefined ? 'no Chromium on this machine: apt-get install chromium' : undefined

/** Opens an address in a browser of the running test's own, started with these flags besides. */
export async function openPage(
  address: string,
  scheme: 'light' | 'dark' = 'light',
  flags: readonly string[] = [],
): Promise<Page> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', ...flags],
  })
  onTestFinished(() => browser.close())
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, colorScheme: scheme})
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  await page.goto(address)
  return page
}

/** What axe finds wrong with the page as it is: `color-contrast: header > p`. */
async function violationsOf(page: Page): Promise<string[]> {
  // The page's own policy forbids scripts of others; those of the browser's protocol are none.
  await page.evaluate(axe.source)
  const found: unknown = await page.evaluate('axe.run(document, {iframes: false})')
  const {violations} = Object(found)
  if (!Array.isArray(violations)) throw new Error('axe found no result')
  return violations.flatMap(({id, nodes}) =>
    nodes.map(({target}: {target: string[]}) => `${id}: ${target.join(' ')}`),
  )
}

/** No violation of accessibility, in light and dark, and nothing wider than the window. */
export async function expectFine(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({colorScheme})
    expect(await violationsOf(page)).toEqual([])
  }
  for (const width of WIDTHS) {
    await page.setViewportSize({width, height: 900})
    const wide: unknown = await page.evaluate('document.documentElement.scrollWidth')
    expect(wide, `at ${width} px`).toBeLessThanOrEqual(width)
  }
}
