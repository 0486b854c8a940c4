import {execa} from 'execa'
import {cp, mkdir, realpath, symlink, writeFile, readdir} from 'node:fs/promises'
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
  // The other Node runs once the file that it writes is there.
  await expect.poll(() => readdir(cli.folder)).not.toEqual([])
  endless.kill('SIGTERM')
  expect((await endless).exitCode).toBe(143)
})

/** The package without its Node, at a path below a folder. */
async function packageAt(folder: string, path: string, ...files: string[]): Promise<string> {
  const root = join(folder, path)
  await mkdir(join(root, 'bin'), {recursive: true})
  await cp(BIN, join(root, 'bin', 'run.js'))
  await writeFile(join(root, 'package.json'), '{"type": "module"}')
  for (const file of files) await writeFile(join(folder, file), '{}')
  return join(root, 'bin', 'run.js')
}

test.skipIf(node === undefined).each([
  ['a clone', 'clone', ['clone/package-lock.json'], 'run "npm ci" in FOLDER/clone, which'],
  [
    'a dependency',
    'project/node_modules/cloud-runner',
    ['project/package.json'],
    'npm install node@24 --prefix FOLDER/project',
  ],
  ['a global package', 'lib/node_modules/cloud-runner', [], 'npx --package node@24 -- cloud-runner setup'],
])('without one %s says in two lines what to do', async (_, path, files, advice) => {
  await using cli = await Cli.create()
  const run = await packageAt(cli.folder, path, ...files)
  const {exitCode, stdout, stderr} = await execa(node ?? '', [run, '--version'], {reject: false})
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/needs Node 24 or later; this is Node v\d+/)
  expect(stderr).toContain(advice.replace('FOLDER', await realpath(cli.folder)))
  expect(stderr.split('\n')).toHaveLength(2)
})

test.skipIf(node === undefined)('the Node that is put beside a dependency is found', async () => {
  await using cli = await Cli.create()
  const run = await packageAt(cli.folder, 'node_modules/cloud-runner', 'package.json')
  const packaged = join(import.meta.dirname, '../../node_modules/node')
  await symlink(packaged, join(cli.folder, 'node_modules', 'node'))
  const {stderr} = await execa(node ?? '', [run, '--version'], {reject: false})
  expect(stderr).toContain('cloud-runner is not built yet.')
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
