import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {BIN, Cli} from '../support/cli.ts'

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

/** Runs a line of shell with the command line as `$CLI`. */
function shell(line: string) {
  return execa('bash', ['-o', 'pipefail', '-c', line], {
    cwd: cli.folder,
    env: {CLI: `${process.execPath} ${BIN}`},
    reject: false,
    timeout: 30_000,
  })
}

describe('a reader that has seen enough', () => {
  test.each([
    '$CLI --help | head -1',
    '$CLI upload --help | head -1',
    '$CLI sample --rows 200000 --output - | head -1',
  ])('%s ends well and says nothing', async (line) => {
    const {exitCode, stdout, stderr} = await shell(line)
    expect(stdout.split('\n')).toHaveLength(1)
    expect([exitCode, stderr]).toEqual([0, ''])
  })
})

describe.skipIf(process.platform !== 'linux')('output that cannot be written', () => {
  test.each(['$CLI --help', '$CLI --version', '$CLI sample --output -', '$CLI local status --json'])(
    '%s > /dev/full fails and says why',
    async (line) => {
      const {exitCode, stderr} = await shell(`${line} > /dev/full`)
      expect(exitCode).toBe(1)
      expect(stderr).toMatch(/^Error: cannot write to standard output: ENOSPC/)
    },
  )
})

test.each([
  [['--help']],
  [['upload', '--help']],
  [['uplod']],
  [['status']],
  [['sample', '--force']],
  [['local', 'status']],
])('%j puts no escape into a pipe', async (args) => {
  const {stdout, stderr} = await cli.run(args, {
    environment: {TERM: 'xterm-256color', COLORTERM: 'truecolor'},
  })
  expect(stdout + stderr).not.toContain('\u001B')
  expect(stdout + stderr).not.toBe('')
})
