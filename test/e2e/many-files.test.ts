import {mkdir, readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'

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

test('status --watch continues when the local cloud is back, and says that it was away', async () => {
  const watch = cli.start(['status', '--watch'])
  await watch.shows('pipeline cloud-runner: ready')
  const away = watch.shows(/^not updated: .* does not answer: .* Retrying\.$/m)
  await cli.json(['local', 'stop'])
  await away
  const back = Promise.all([watch.shows('updated again'), watch.shows(/^reports\/a\.txt: done$/m)])
  await cli.json(['upload', 'reports/a.txt', '--name', 'reports/a.txt', '--wait'])
  await back
  watch.kill('SIGINT')
  expect(await watch.ended).toMatchObject({exitCode: 130})
})

/** Has a process print, as its last line, the packages that it loaded. */
const PACKAGES = `import {registerHooks} from 'node:module'
const loaded = new Set()
registerHooks({load(url, context, next) {
  loaded.add(/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1])
  return next(url, context)
}})
process.on('exit', () => process.stderr.write('\\n' + [...loaded].join(' ') + '\\n'))`

test.each([
  'status',
  'status reports/ --state done',
  'status --failed',
  'logs reports/a.txt',
  'history reports/a.txt',
])('%s loads no client library of Google, and nothing that builds', async (line) => {
  const environment = {NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(PACKAGES)}"`}
  const {exitCode, stderr} = await cli.run(line.split(' '), {environment})
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining('@oclif/core')])
  expect(stderr).not.toMatch(/@google-cloud|google-gax|google-auth|grpc|protobufjs|execa|esbuild|tar-stream/)
})

test('results of a glob are saved under their names, complete and only once', async () => {
  const args = ['results', 'reports/*.txt', '--output', 'saved/']
  const {exitCode, stdout} = await cli.run(args)
  expect(stdout).toMatch(/^reports\/bad\.txt +failed .*It is bad\.$/m)
  expect(stdout).toContain(`Written: 2 files to ${join(cli.folder, 'saved')} (`)
  expect(exitCode).toBe(3)
  const files = await readdir(join(cli.folder, 'saved'), {recursive: true})
  expect(files.toSorted()).toEqual(['reports', 'reports/a.txt', 'reports/b.txt'])
  expect(await readFile(join(cli.folder, 'saved/reports/a.txt'), 'utf8')).toBe('TEXT OF A')

  const again = await cli.run(args)
  expect([again.exitCode, again.stdout]).toEqual([1, ''])
  expect(again.stderr).toContain('already exists')
  const {files: saved} = parseObject((await cli.run([...args, '--force', '--json'])).stdout)
  expect(saved).toEqual(
    expect.arrayContaining([
      expect.objectContaining({object: 'reports/b.txt', written: [expect.objectContaining({sizeBytes: 9})]}),
    ]),
  )
  const listed = await cli.run(['results', 'reports/a.txt', 'reports/may/'])
  expect([listed.exitCode, listed.stdout.match(/ done /g)?.length]).toEqual([0, 2])
  expect((await cli.run(['results', 'reports/', '--output', 'one.txt'])).exitCode).toBe(2)
})

test('folders and globs choose what to reprocess, redrive and cancel', async () => {
  const {notified, files} = await cli.json(['reprocess', 'reports/may/', 'reports/?.txt', '--wait'])
  expect(notified).toHaveLength(3)
  expect(files).toEqual(Array.from({length: 3}, () => expect.objectContaining({state: 'done'})))
  const refusals = [
    [['reprocess', 'none/*'], /^Error: No object in bucket \S+ matches none\/\*\.$/m],
    [['cancel', 'reports/*'], /^Error: No waiting or running file in bucket \S+ matches reports\/\*\.$/m],
    [['redrive', 'reports/'], /^Error: No dead letter for reports\/\.$/m],
  ] as const
  for (const [args, message] of refusals) {
    const {exitCode, stderr} = await cli.run(args)
    expect(stderr).toMatch(message)
    expect(exitCode).toBe(1)
  }
})

test('a file that fails names the result of the upload before, which is kept', async () => {
  await cli.write('again.txt', 'good')
  expect((await cli.run(['upload', 'again.txt', '--wait'])).exitCode).toBe(0)
  await cli.write('again.txt', 'bad')
  const {exitCode} = await cli.run(['upload', 'again.txt', '--wait'])
  expect(exitCode).toBe(3)
  const failed = await cli.run(['results', 'again.txt'])
  expect(failed.exitCode).toBe(3)
  expect(failed.stdout).toMatch(
    /^The result of an earlier upload, written at \S+Z, is kept: gs:\/\/\S+-output\/again\.txt \(4 B\)$/m,
  )
})
