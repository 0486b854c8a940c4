import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import {expect, test} from 'vitest'
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
  expect(shown.stderr).toContain(`Console: ${address}`)
  expect((await cli.run(['upload', 'a.csv'])).stderr).not.toContain('#token=')
})

/** Of util-linux: runs a command on a terminal of its own. */
const SCRIPT = 'script'
const hasTerminal = process.platform === 'linux' && spawnSync(SCRIPT, ['--version']).status === 0

test.skipIf(!hasTerminal)('console stays up on a terminal without a browser', async () => {
  await using cli = await Cli.create()
  await cli.json(['setup'])
  const line = `${process.execPath} ${BIN} console`
  const child = spawn(SCRIPT, ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: cli.folder,
    env: {PATH: process.env['PATH'] ?? '', HOME: cli.folder, TERM: 'xterm', BROWSER: '/none/browser'},
  })
  const ended = once(child, 'close')
  let text = ''
  let isInterrupted = false
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += String(chunk)
    if (isInterrupted || !text.includes('No browser opened')) continue
    isInterrupted = true
    child.stdin.write('\u0003')
  }
  expect(text).toContain('#token=')
  expect(text).not.toContain('could not open')
  expect(await ended).toEqual([130, null])
})

test('the page is small', async () => {
  const folder = join(import.meta.dirname, '../../dist/console')
  const files = await Promise.all(['page.js', 'page.css'].map((name) => readFile(join(folder, name))))
  expect(gzipSync(Buffer.concat(files)).length).toBeLessThan(60 * 1024)
})
