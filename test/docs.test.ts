import {existsSync, globSync, readFileSync} from 'node:fs'
import {basename, dirname, join} from 'node:path'
import {expect, it} from 'vitest'
import {drawHouse, redraw} from './support/house-drawing.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const pages = globSync(
  ['*.md', 'docs/**/*.md', 'terraform/*.md', 'src/**/*.md', 'worker/**/*.md', '.github/**/*.md'],
  {cwd: root},
).toSorted()

it('the pictures of docs/architecture.md are drawn from the imports', () => {
  const page = read('docs/architecture.md')
  expect(page, 'run: npm run architecture').toBe(redraw(page, drawHouse(root)))
})

it('docs/README.md lists every page of docs/', () => {
  const linked = new Set(linksOf('docs/README.md').map((link) => join('docs', link)))
  const files = globSync(['docs/*', 'docs/adr/*.md'], {cwd: root})
  const wanted = files.filter((file) => /\.\w+$/.test(file) && file !== 'docs/README.md')
  expect(wanted.filter((file) => !linked.has(file))).toEqual([])
})

it.each(pages)('every file that %s names exists', (page) => {
  const text = read(page)
  const fromRoot = [...text.matchAll(/`((?:bin|docs|src|terraform|test|worker)\/[\w./-]*)`/g)]
  const inFolder = page.startsWith('src/') ? [...text.matchAll(/`([\w-]+\.ts)`/g)] : []
  const missing = [
    ...fromRoot.map(([, path = '']) => path).filter((path) => !existsSync(join(root, path))),
    ...inFolder.map(([, name = '']) => name).filter((name) => !isIn(dirname(page), name)),
    ...linksOf(page).filter((link) => !existsSync(join(root, dirname(page), link))),
  ]
  expect(missing).toEqual([])
})

/** Relative links of a page, without their anchors. */
function linksOf(page: string): string[] {
  return [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link)
}

const isIn = (folder: string, name: string): boolean =>
  globSync(`${folder}/**/*.ts`, {cwd: root}).some((file) => basename(file) === name)
