import {execa} from 'execa'
import {cp, mkdir} from 'node:fs/promises'
import {delimiter, dirname, join} from 'node:path'
import {expect, test} from 'vitest'
import {BIN, Cli} from '../support/cli.ts'

/** A Node of this machine that is too old, outside of node_modules. */
async function oldNode(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder.includes('node_modules')) continue
    const node = join(folder, 'node')
    const {stdout, failed} = await execa(node, ['--version'], {reject: false})
    if (!failed && Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return node
  }
  return undefined
}

const node = await oldNode()

test.skipIf(node === undefined)('an older Node continues under the one installed beside it', async () => {
  const {exitCode, stdout} = await execa(node ?? '', [BIN, '--version'])
  expect(stdout).toMatch(/node-v(?:2[4-9]|[3-9]\d)\./)
  expect(exitCode).toBe(0)
})

test.skipIf(node === undefined)('keeps exit code, arguments and signals', async () => {
  await using cli = await Cli.create()
  const wrong = await execa(node ?? '', [BIN, 'uplod'], {reject: false})
  expect([wrong.exitCode, wrong.stdout]).toEqual([2, ''])
  expect(wrong.stderr).toContain('cloud-runner upload')
  const endless = execa(node ?? '', [BIN, 'sample', '--rows', '2000000000', '--force'], {
    cwd: cli.folder,
    reject: false,
  })
  setTimeout(() => endless.kill('SIGTERM'), 1500)
  expect((await endless).exitCode).toBe(143)
})

test.skipIf(node === undefined)('without one it says in two lines what to do', async () => {
  await using cli = await Cli.create()
  const copy = join(cli.folder, 'bin', 'run.js')
  await mkdir(join(cli.folder, 'bin'))
  await cp(BIN, copy)
  await cli.write('package.json', '{"type": "module"}')
  const {exitCode, stdout, stderr} = await execa(node ?? '', [copy, '--version'], {reject: false})
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/needs Node 24 or later; this is Node v\d+/)
  expect(stderr.split('\n')).toHaveLength(2)
})

test.skipIf(node === undefined)('npm under an older Node warns of nothing', async () => {
  await using cli = await Cli.create()
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    await cp(join(dirname(BIN), '..', file), join(cli.folder, file))
  const path = [dirname(node ?? ''), process.env['PATH']].join(delimiter)
  const {all} = await execa('npm', ['ci', '--dry-run', '--offline'], {
    cwd: cli.folder,
    env: {PATH: path},
    all: true,
  })
  expect(all).toContain('added')
  expect(all).not.toContain('EBADENGINE')
})
