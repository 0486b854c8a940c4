import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import {stripVTControlCharacters} from 'node:util'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {BIN, Cli} from '../support/cli.ts'

/** Of util-linux: runs a command on a terminal of its own. */
const SCRIPT = 'script'
const hasTerminal = process.platform === 'linux' && spawnSync(SCRIPT, ['--version']).status === 0

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  if (hasTerminal) await cli.json(['setup'])
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

interface Screen {
  readonly exitCode: number | null
  readonly text: string
}

/** What a command shows on a terminal; `keys` are pressed once it has shown `at`. */
async function onTerminal(
  command: string,
  options: {
    columns?: number
    environment?: Record<string, string>
    at?: string
    keys?: string
    cwd?: string
  } = {},
): Promise<Screen> {
  const {columns = 100, environment = {}, at, keys = '', cwd = cli.folder} = options
  const line = `stty cols ${columns} rows 30; ${process.execPath} ${BIN} ${command}`
  const child = spawn(SCRIPT, ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd,
    env: {PATH: process.env['PATH'] ?? '', HOME: cli.folder, TERM: 'xterm-256color', ...environment},
  })
  let text = ''
  let pressed = false
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (at !== undefined && !pressed && text.includes(at)) {
      pressed = true
      child.stdin.write(keys)
    }
  })
  await once(child, 'close')
  return {exitCode: child.exitCode, text: text.replaceAll('\r\n', '\n')}
}

/** Settles when a stream has shown a text. */
async function seen(stream: Readable, text: string): Promise<void> {
  let all = ''
  for await (const chunk of stream.iterator({destroyOnReturn: false})) {
    all += String(chunk)
    if (all.includes(text)) return
  }
}

describe.skipIf(!hasTerminal)('on a terminal', () => {
  test('colors are shown, and NO_COLOR and TERM=dumb have none', async () => {
    expect((await onTerminal('status')).text).toContain('\u001B[32mready\u001B[39m')
    expect((await onTerminal('status', {environment: {NO_COLOR: '1'}})).text).not.toContain('\u001B')
    expect((await onTerminal('deploy', {environment: {TERM: 'dumb'}})).text).not.toContain('\u001B')
  })

  test('40 columns cut no word', async () => {
    await cli.json(['sample', '--force'])
    await cli.run(['upload', 'financial_statements.csv', '--label-column', 'bankrupt', '--wait'])
    const commands = [
      'uplod',
      'results nowhere.csv',
      'status financial_statements.csv',
      'results financial_statements.csv',
    ]
    const lines: string[] = []
    for (const command of commands) {
      const {text} = await onTerminal(command, {columns: 40, environment: {NO_COLOR: '1'}})
      lines.push(...text.split('\n'))
    }
    expect(lines.length).toBeGreaterThan(30)
    // Only a word by itself may be longer than a line: it stays whole, to be copied.
    expect(lines.filter((line) => line.length > 40 && !/^\s*\S+(?:\s+\S+)?$/.test(line))).toEqual([])
  })

  test('a terminal of unknown size counts as 80 columns', async () => {
    const {text} = await onTerminal('deploy', {columns: 0})
    expect(text).toContain('Deploy the worker')
    const shown = await onTerminal('status', {columns: 0, environment: {NO_COLOR: '1'}})
    const lines = shown.text.split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(40)
    expect(lines.filter((line) => line.length > 80 && !/^\s*\S+(?:\s+\S+)?$/.test(line))).toEqual([])
  })

  test('logs --tail whose terminal is closed ends with 129', async () => {
    const code = join(cli.folder, 'code')
    const line = `trap : HUP; ${process.execPath} ${BIN} logs --tail; echo $? > ${code}`
    const terminal = spawn(SCRIPT, ['--quiet', '--command', `bash -c '${line}'`, '/dev/null'], {
      cwd: cli.folder,
      env: {PATH: process.env['PATH'] ?? '', HOME: cli.folder, TERM: 'xterm-256color'},
    })
    await once(terminal.stdout, 'data')
    await cli.write('before.csv', 'a,b\n1,0\n')
    const shown = seen(terminal.stdout, 'before.csv')
    await cli.run(['upload', 'before.csv'])
    await shown
    terminal.kill('SIGKILL')
    await once(terminal, 'close')
    // The next line goes to a terminal that is not there any more.
    await cli.run(['upload', 'before.csv'])
    await expect.poll(() => readFile(code, 'utf8').catch(() => ''), {timeout: 20_000}).toBe('129\n')
  })

  test('status --watch draws over what it drew, and Ctrl-C ends it with 130', async () => {
    const {exitCode, text} = await onTerminal('status --watch', {at: '\u001B[J', keys: '\u0003'})
    expect(stripVTControlCharacters(text)).toMatch(/^pipeline +cloud-runner, ready$/m)
    expect(text).toContain('\u001B[H')
    expect(text).not.toContain('Error')
    expect(exitCode).toBe(130)
  })

  test('status --watch follows the clock of the local cloud', async () => {
    const watch = spawn(
      SCRIPT,
      ['--quiet', '--command', `${process.execPath} ${BIN} status --watch`, '/dev/null'],
      {
        cwd: cli.folder,
        env: {PATH: process.env['PATH'] ?? '', HOME: cli.folder, TERM: 'xterm-256color'},
      },
    )
    await seen(watch.stdout, 'before.csv')
    const moved = seen(watch.stdout, '2 d ago')
    await cli.json(['local', 'time', 'advance', '2d'])
    await expect(moved).resolves.toBeUndefined()
    watch.kill('SIGTERM')
    await once(watch, 'close')
  })

  test('one of several environments is chosen by number or name; a protected one wants its name', async () => {
    const cwd = join(cli.folder, 'several')
    await mkdir(cwd)
    const environments = {staging: {}, production: {protected: true}}
    await writeFile(join(cwd, 'cloud-runner.json'), JSON.stringify({worker: './w', environments}))
    const on = async (command: string, at: string, keys: string) => {
      const {exitCode, text} = await onTerminal(command, {cwd, at, keys, environment: {NO_COLOR: '1'}})
      return `${text}\n${exitCode}`
    }
    const asked = await on('upload cloud-runner.json', 'Which one?', '1\r')
    expect(asked).toMatch(/1 {2}cloud-runner-staging\n {2}2 {2}cloud-runner-production\n/)
    expect(asked).toMatch(/Create one: cloud-runner setup --env staging[^]*\n1$/)
    expect(await on('upload cloud-runner.json', 'Which one?', 'cloud-runner-production\r')).toContain(
      'cloud-runner setup --env production',
    )
    expect(await on('deploy', 'Which one?', 'other\r')).toMatch(/That is not one of the choices\.[^]*\n2$/)
    const wrong = await on('deploy --env production', 'to continue', 'cloud-runner\r')
    expect(wrong).toMatch(/Environment production is protected[^]*Nothing was changed\.[^]*\n2$/)
    expect(await on('deploy --env production', 'to continue', 'cloud-runner-production\r')).toContain(
      'No pipeline in',
    )
  })

  test('a question shows what will be lost, and accepts the name', async () => {
    const {exitCode, text} = await onTerminal('destroy', {at: 'to continue', keys: 'something else\r'})
    expect(text).toMatch(/input files? \(/)
    expect(text).toContain('Nothing was changed.')
    expect(exitCode).toBe(2)
  })

  test('Ctrl-C at a question ends with 130, Ctrl-D changes nothing', async () => {
    const interrupted = await onTerminal('destroy', {at: 'to continue', keys: '\u0003'})
    expect(interrupted.exitCode).toBe(130)
    expect(interrupted.text).not.toContain('Error')
    expect(interrupted.text).toContain('Interrupted. None of that was done.')
    expect(interrupted.text).not.toContain('Run the same command again')
    expect((await onTerminal('destroy', {at: 'to continue', keys: '\u0004'})).exitCode).toBe(2)
    expect((await cli.json(['status']))['pipeline']).toMatchObject({ready: true})
  })

  test('Ctrl-C in the middle of a task restores the cursor', async () => {
    const {exitCode, text} = await onTerminal('deploy', {at: 'Bundle', keys: '\u0003'})
    expect(exitCode).toBe(130)
    expect(text.match(/Interrupted/g)).toHaveLength(1)
    expect(text.lastIndexOf('\u001B[?25h')).toBeGreaterThan(text.lastIndexOf('\u001B[?25l'))
  })

  test('the right name destroys', async () => {
    expect((await onTerminal('destroy', {at: 'to continue', keys: 'cloud-runner\r'})).exitCode).toBe(0)
    expect(await cli.json(['local', 'status'])).toMatchObject({running: false})
  })
})
