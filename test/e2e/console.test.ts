import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {chmod, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import {describe, expect, test} from 'vitest'
import {BIN, Cli, parseObject} from '../support/cli.ts'

test('console serves the page and the API until Ctrl-C, for the holder of its address alone', async () => {
  await using cli = await Cli.create()
  expect((await cli.run(['console'])).stderr).toContain('cloud-runner setup')
  await cli.json(['setup'])
  const running = cli.start(['console', '--json'])
  await running.shows('"address"')
  const {port} = new URL(String((await cli.json(['local', 'status']))['endpoint']))
  const taken = await cli.run(['console', '--port', port])
  expect([taken.exitCode, taken.stderr]).toEqual([1, expect.stringContaining(`Port ${port} is taken`)])
  await cli.write('a.csv', 'a,b\n1,2\n')
  const shown = await cli.run(['upload', 'a.csv'])
  expect((await cli.run(['status'])).stderr).not.toContain('#token=')
  running.kill('SIGINT')
  const {exitCode, stdout} = await running.ended
  expect(exitCode).toBe(130)
  const address = String(parseObject(stdout)['address'])
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/)
  // Standard error may be a log: its line has no token.
  expect(shown.stderr).toContain(`Console: ${new URL(address).origin}/\n`)
  expect((await cli.run(['upload', 'a.csv'])).stderr).not.toContain('#token=')
})

/** A browser that writes down its arguments, and how the first of them can be read. */
async function fakeBrowser(
  cli: Cli,
): Promise<{readonly BROWSER: string; readonly opened: () => Promise<string>}> {
  const BROWSER = await cli.write(
    'browser',
    '#!/bin/sh\necho "$*" >> opened\nstat -c %a "$1" >> opened\ncat "$1" >> opened\n',
  )
  await chmod(BROWSER, 0o755)
  return {BROWSER, opened: () => readFile(join(cli.folder, 'opened'), 'utf8')}
}

test('the browser gets a file that its owner alone can read, not the token', async () => {
  await using cli = await Cli.create()
  await cli.json(['setup'])
  const {BROWSER, opened} = await fakeBrowser(cli)
  const running = cli.start(['console', '--open'], {environment: {BROWSER}})
  await running.shows('Ctrl-C')
  await expect.poll(opened).toContain('</title>')
  const [args = '', mode, ...page] = (await opened()).split('\n')
  expect([args.includes('token'), mode]).toEqual([false, '600'])
  expect(page.join('\n')).toMatch(/content="0; url=http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}"/)

  // A console runs: status leads to its page, and ends.
  await cli.write('a b.csv', 'a,b\n1,2\n')
  await cli.run(['upload', 'a b.csv', '--wait'])
  expect((await cli.run(['status', 'a b.csv', '--open'], {environment: {BROWSER}})).exitCode).toBe(0)
  expect(await opened()).toMatch(/url=http:\/\/127\.0\.0\.1:\d+\/files\/a%20b\.csv#token=/)
  expect((await cli.run(['status', '--failed', '--open'], {environment: {BROWSER}})).exitCode).toBe(0)
  expect(await opened()).toMatch(/\/\?state=failed&#38;state=dead#token=/)
  running.kill('SIGINT')
  await running.ended
  await expect(readFile(args)).rejects.toThrow('ENOENT')

  // None runs: status serves one until Ctrl-C.
  const status = cli.start(['status', '--open'], {environment: {BROWSER}})
  await status.shows('Ctrl-C')
  status.kill('SIGINT')
  const {exitCode, stdout} = await status.ended
  expect([exitCode, stdout]).toEqual([130, expect.not.stringContaining('token')])

  // Without a browser it stays up, and names the page to open by hand.
  const alone = cli.start(['status', '--open'], {environment: {BROWSER: '/none/browser'}})
  await alone.shows(/No browser opened\. Open it yourself: file:\S+\.html/)
  alone.kill('SIGINT')
  expect(await alone.ended).toMatchObject({exitCode: 130})
  for (const selection of [['*.csv'], ['a b.csv', '*.csv'], ['--after', 'x']])
    expect((await cli.run(['status', ...selection, '--open'], {environment: {BROWSER}})).exitCode).toBe(2)
})

/** Of util-linux: runs a command on a terminal of its own. */
const SCRIPT = 'script'
const hasTerminal = process.platform === 'linux' && spawnSync(SCRIPT, ['--version']).status === 0

/** Runs a command on a terminal; each key is pressed once its text was shown. @returns what it showed, and its exit code */
async function onTerminal(
  cli: Cli,
  command: string,
  BROWSER: string,
  keys: readonly (readonly [string, string])[],
) {
  const line = `${process.execPath} ${BIN} ${command}`
  const child = spawn(SCRIPT, ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: cli.folder,
    env: {PATH: process.env['PATH'] ?? '', HOME: cli.folder, TERM: 'xterm', BROWSER},
  })
  const ended = once(child, 'close')
  const left = [...keys]
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += String(chunk)
    const [next] = left
    if (next === undefined || !text.includes(next[0])) continue
    child.stdin.write(next[1])
    left.shift()
  }
  return {text, ended: await ended}
}

describe.skipIf(!hasTerminal)('on a terminal', () => {
  test('console stays up without a browser', async () => {
    await using cli = await Cli.create()
    await cli.json(['setup'])
    const {text, ended} = await onTerminal(cli, 'console', '/none/browser', [['No browser opened', '\u0003']])
    expect(text).toContain('#token=')
    expect(text).not.toContain('could not open')
    expect(ended).toEqual([130, null])
  })

  test('c opens the console in dev, and Ctrl-C still ends dev', async () => {
    await using cli = await Cli.create()
    const {BROWSER, opened} = await fakeBrowser(cli)
    const {text, ended} = await onTerminal(cli, 'dev', BROWSER, [
      ['ready', 'c'],
      ['#token=', '\u0003'],
    ])
    expect(text).toMatch(
      /Press c for the console, Ctrl-C to stop\.[\s\S]*Console:\s+http:\/\/127\.0\.0\.1:\d+\/#token=/,
    )
    expect(ended).toEqual([130, null])
    expect(await opened()).toContain('.html')
  })
})

test('the page is small', async () => {
  const folder = join(import.meta.dirname, '../../dist/console')
  const files = await Promise.all(['page.js', 'page.css'].map((name) => readFile(join(folder, name))))
  expect(gzipSync(Buffer.concat(files)).length).toBeLessThan(60 * 1024)
})
