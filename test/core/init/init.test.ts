import {mkdir, readFile, readlink, readdir, rm, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {settingFor} from '../../../src/core/config-file.ts'
import {readConfig, type Config} from '../../../src/core/config.ts'
import {bundleWorker} from '../../../src/image/bundle.ts'
import {init, TEMPLATES} from '../../../src/core/init/init.ts'
import {linkPackage, packageFolder} from '../../../src/core/package-folder.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const configOf = (cwd: string): Promise<Config> => readConfig({cwd, environment: {}, flags: {}, cores: 2})

const templateFile = (name: string): Promise<string> =>
  readFile(join(packageFolder(), 'worker/templates/typescript', name), 'utf8')

test.each(TEMPLATES)(
  '%s: whole, named by the settings, with a README, a sample and a worker',
  async (template) => {
    const project = await temporaryFolder()
    const folder = join(project, 'deep', 'worker')
    const made = await init({folder, template, taken: false}, await configOf(project))
    expect(made.settings).toEqual({
      file: join(project, 'cloud-runner.json'),
      named: true,
      pipeline: undefined,
    })
    const {settings, workerFolder} = await configOf(folder)
    expect([settings.worker, workerFolder]).toEqual(['./deep/worker', folder])
    const {files} = made
    expect(files).toEqual(expect.arrayContaining(['README.md', 'sample.jsonl']))
    for (const file of files)
      expect(await readFile(join(folder, file), 'utf8')).toContain(file === 'package.json' ? '"private"' : '')
    expect(files.filter((file) => /__pycache__|node_modules/.test(file))).toEqual([])
    expect(made.needsDocker).toBe(false)
    expect(files).toContain(
      {typescript: 'processor.ts', python: 'main.py', container: 'Dockerfile'}[template],
    )
  },
)

test('typescript: bundles unchanged; the package is linked if none is installed above', async () => {
  const project = await temporaryFolder()
  const config = await configOf(project)
  const folder = join(project, 'one')
  await init({folder, template: 'typescript', taken: false}, config)
  const files = await bundleWorker({folder})
  expect(files.map(({path}) => path)).toEqual(['app/worker.cjs'])
  expect(await readlink(join(folder, 'node_modules', 'cloud-runner'))).toBe(packageFolder())
  expect(await readFile(join(folder, 'package.json'), 'utf8')).toBe(await templateFile('package.json'))

  const installed = join(project, 'node_modules', 'cloud-runner')
  await mkdir(installed, {recursive: true})
  await writeFile(join(installed, 'package.json'), '{}')
  const other = join(project, 'two')
  expect(
    await init({folder: other, template: 'typescript', taken: true}, await configOf(project)),
  ).toMatchObject({
    settings: {named: true, pipeline: 'two'},
  })
  expect(await readdir(other)).not.toContain('node_modules')
  expect(await readFile(join(other, 'package.json'), 'utf8')).toBe(await templateFile('package.json'))
})

test('the link to the package is put back if npm removed it, or if it leads nowhere', async () => {
  const folder = join(await temporaryFolder(), 'worker')
  await init({folder, template: 'typescript', taken: false}, await configOf(folder))
  const link = join(folder, 'node_modules', 'cloud-runner')
  for (const spoil of [
    () => rm(join(folder, 'node_modules'), {recursive: true}),
    async () => {
      await rm(link)
      await symlink(join(folder, 'moved'), link)
    },
  ]) {
    await spoil()
    await linkPackage(folder)
    expect(await readlink(link)).toBe(packageFolder())
  }
  const plain = await temporaryFolder()
  await linkPackage(plain)
  expect(await readdir(plain)).toEqual([])
})

test('overwrites nothing: says what is in the way, and the settings stay', async () => {
  const project = await temporaryFolder()
  const settings = '{"worker": "./mine", "region": "us-central1"}'
  await writeFile(join(project, 'cloud-runner.json'), settings)
  const folder = join(project, 'full')
  await mkdir(folder)
  await Promise.all(['main.ts', '.git'].map((name) => writeFile(join(folder, name), 'mine')))
  const config = await configOf(project)
  await expect(init({folder, template: 'python', taken: true}, config)).rejects.toMatchObject({
    code: 'output-exists',
    message: `${folder} is not empty: it contains main.ts. Nothing was written.`,
  })
  expect((await readdir(folder)).toSorted()).toEqual(['.git', 'main.ts'])
  await expect(
    init({folder: join(project, 'cloud-runner.json'), template: 'python', taken: true}, config),
  ).rejects.toMatchObject({code: 'output-exists', message: expect.stringContaining('is a file')})
  await expect(
    init({folder: join(project, 'cloud-runner.json', 'below'), template: 'python', taken: true}, config),
  ).rejects.toMatchObject({code: 'output-unwritable'})
  expect(await readFile(join(project, 'cloud-runner.json'), 'utf8')).toBe(settings)
})

test('a folder that has a pipeline: the worker is for one of its own, and the other keeps its worker', async () => {
  const project = await temporaryFolder()
  await writeFile(join(project, 'cloud-runner.json'), '{"worker": "./mine", "name": "thumbs"}')
  const make = async (folder: string, name?: string) =>
    (
      await init(
        {folder: join(project, folder), template: 'container', taken: true},
        await readConfig({cwd: project, environment: {}, flags: {name}, cores: 2}),
      )
    ).settings
  expect(await make('Thumbs')).toMatchObject({named: true, pipeline: 'thumbs-2'})
  expect(await make('a/1 Long Folder of many words')).toMatchObject({pipeline: 'long-folder-of-many'})
  expect(await make('b', 'chosen')).toMatchObject({named: true, pipeline: 'chosen'})
  expect(await make('c', 'chosen')).toMatchObject({named: false, pipeline: 'chosen'})
  expect(await make('d', 'thumbs')).toMatchObject({named: false, pipeline: undefined})
  expect(JSON.parse(await readFile(join(project, 'cloud-runner.json'), 'utf8'))).toEqual({
    worker: './mine',
    name: 'thumbs',
    pipelines: {
      'thumbs-2': {worker: './Thumbs'},
      'long-folder-of-many': {worker: './a/1 Long Folder of many words'},
      chosen: {worker: './b'},
    },
  })
})

test.each([
  ['/a/b/worker', '/a/b', './worker'],
  ['/a/b', '/a/b', './'],
  ['/a/other', '/a/b', '../other'],
])('the setting for %s in %s is %s', (folder, project, setting) => {
  expect(settingFor(folder, project)).toBe(setting)
})
