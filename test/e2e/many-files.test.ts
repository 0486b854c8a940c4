import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

/** Writes text in capitals, and refuses some permanently. */
const PICKY = `import {PermanentError} from 'cloud-runner/worker'
export default {
  name: 'picky',
  async process(input, output) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    if (text === 'bad') throw new PermanentError('It is bad.', {code: 'bad'})
    await output.write(text.toUpperCase())
  },
}
`

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await Promise.all(['worker', 'reports/may'].map((name) => mkdir(join(cli.folder, name), {recursive: true})))
  await cli.write('worker/processor.js', PICKY)
  await cli.write('cloud-runner.json', JSON.stringify({worker: './worker'}))
  for (const name of ['a', 'b', 'may/c']) await cli.write(`reports/${name}.txt`, `text of ${name}`)
  await cli.write('reports/bad.txt', 'bad')
  await cli.json(['setup'])
}, 60_000)

afterAll(async () => {
  await cli.run(['destroy', '--confirm', 'cloud-runner'])
  await cli[Symbol.asyncDispose]()
})

test('status --watch prints a line for each change if it is not on a terminal, and ends with 130', async () => {
  const watch = cli.start(['status', '--watch'])
  await watch.shows('files: none')
  const shown = [
    /^reports\/bad\.txt: failed: It is bad\.$/m,
    /^reports\/may\/c\.txt: done$/m,
    'files: 3 done, 1 failed',
  ]
  const all = Promise.all(shown.map((text) => watch.shows(text)))
  expect((await cli.run(['upload', 'reports', '--wait'])).exitCode).toBe(3)
  await all
  watch.kill('SIGINT')
  const {exitCode, stdout, stderr} = await watch.ended
  expect(stdout).toMatch(/^pipeline cloud-runner: ready$/m)
  expect([exitCode, stderr.includes('Error'), stdout.includes('\u001B')]).toEqual([130, false, false])
  expect((await cli.run(['status', '--watch', '--json'])).exitCode).toBe(2)
})
