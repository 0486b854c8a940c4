import {cp, readFile, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

test('shows the whole way of a file, in an empty folder', async () => {
  const {exitCode, stdout} = await cli.run(['demo'])
  expect(exitCode).toBe(0)
  for (const hop of ['uploaded', 'notified', 'delivered', 'processed', 'written']) {
    expect(stdout).toMatch(new RegExp(`^${hop}\\s+\\d\\d:\\d\\d:\\d\\d\\.\\d{3}`, 'm'))
  }
  expect(stdout).toMatch(/^AUC\s+0\.[6-9]\d\d in \d+ folds$/m)
  expect(stdout).toMatch(/^C0000001\s.*0\.\d+$/m)
  expect(stdout).toMatch(/INFO\s+done$/m)
  expect(stdout).toContain('cloud-runner upload YOUR.csv')
})

test('again works too, with a new generation of the file', async () => {
  const before = await cli.json(['status', 'financial_statements.csv'])
  const again = await cli.json(['demo'])
  expect(again).toMatchObject({
    exitCode: 0,
    setup: {deployed: false},
    results: {file: {state: 'done', attempts: 1}},
  })
  const after = await cli.json(['status', 'financial_statements.csv'])
  expect(after['files']).toHaveLength(1)
  expect(after['files']).not.toEqual(before['files'])
})

test('a local cloud of another version is replaced, and its state stays', async () => {
  await cli.run(['local', 'stop'])
  const old = await cli.run(['local', 'start', '--json'], {bin: await installVersion('0.0.1')})
  const {pid, endpoint} = parseObject(old.stdout)
  expect(await cli.json(['local', 'status'])).toMatchObject({pid, version: '0.0.1'})
  expect(await cli.json(['status'])).toMatchObject({counts: {done: 1}})
  const after = await cli.json(['local', 'status'])
  expect(after).toMatchObject({endpoint, version: expect.not.stringMatching('0.0.1')})
  expect(after['pid']).not.toBe(pid)
})

/** This package under another version number. @returns its bin/run.js */
async function installVersion(version: string): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const folder = await temporaryFolder()
  for (const part of ['bin', 'dist']) await cp(join(root, part), join(folder, part), {recursive: true})
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const manifest = parseObject(await readFile(join(root, 'package.json'), 'utf8'))
  await writeFile(join(folder, 'package.json'), JSON.stringify({...manifest, version}))
  return join(folder, 'bin', 'run.js')
}
