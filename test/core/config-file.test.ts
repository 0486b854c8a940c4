import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {saveConfig} from '../../src/core/config-file.ts'
import {saveSettings} from '../../src/core/save-settings.ts'
import {readConfig} from '../../src/core/config.ts'
import type {SettingName} from '../../src/core/settings/settings.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

test('saving keeps existing content, and can be read again', async () => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'cloud-runner.json'), JSON.stringify({$schema: 'x', labelColumn: 'bankrupt'}))
  await saveConfig(cwd, {target: 'gcp', project: 'my-project'})
  expect(JSON.parse(await readFile(join(cwd, 'cloud-runner.json'), 'utf8'))).toEqual({
    $schema: 'x',
    labelColumn: 'bankrupt',
    target: 'gcp',
    project: 'my-project',
  })
  expect((await readConfig({cwd, environment: {}, flags: {}, cores: 3})).settings).toMatchObject({
    project: 'my-project',
    labelColumn: 'bankrupt',
  })
})

test.each([
  ['{\n  "region": }', 'line 2, column 13: Unexpected "}"'],
  ['{"name": "a",\n}', 'line 1, column 13: JSON does not support trailing commas'],
  ['{"name": "ä" "b"}', 'line 1, column 14: Expected "," in JSON but found "\\"b\\""'],
  ['', 'line 1, column 1: Unexpected end of file'],
])('%j is not JSON, and the place is named', async (text, place) => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'cloud-runner.json'), text)
  await expect(readConfig({cwd, environment: {}, flags: {}, cores: 3})).rejects.toMatchObject({
    code: 'config-invalid',
    exitCode: 2,
    message: expect.stringContaining(`${join(cwd, 'cloud-runner.json')} is not JSON, ${place}`),
  })
})

test('a byte order mark is accepted', async () => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'cloud-runner.json'), '\uFEFF{"region": "us-central1"}')
  expect((await readConfig({cwd, environment: {}, flags: {}, cores: 3})).settings.region).toBe('us-central1')
})

test('settings that come with another pipeline than the file’s are kept for that one alone', async () => {
  const cwd = await temporaryFolder()
  const read = async () => JSON.parse(await readFile(join(cwd, 'cloud-runner.json'), 'utf8'))
  const save = async (flags: Partial<Record<SettingName, string | number>>) =>
    saveSettings(await readConfig({cwd, environment: {}, flags, cores: 3}))
  await save({name: 'first', worker: './worker'})
  expect(await read()).toEqual({name: 'first', worker: './worker'})
  await save({name: 'thumbs', worker: './thumbs'})
  await save({name: 'thumbs', project: 'my-project-123', model: './m.json'})
  await save({name: 'bare'})
  await save({name: 'first', labelColumn: 'y'})
  expect(await read()).toEqual({
    name: 'first',
    worker: './worker',
    labelColumn: 'y',
    pipelines: {
      thumbs: {worker: './thumbs', target: 'gcp', project: 'my-project-123', model: './m.json'},
      bare: {},
    },
  })
})

test('settings that come with an environment are kept for it, and for the one pipeline if there are several', async () => {
  const cwd = await temporaryFolder()
  const file = join(cwd, 'cloud-runner.json')
  const read = async () => JSON.parse(await readFile(file, 'utf8'))
  const save = async (env: string, flags: Partial<Record<SettingName, string | number>>) =>
    saveSettings(await readConfig({cwd, environment: {}, flags, env, cores: 3}))
  await writeFile(file, JSON.stringify({environments: {staging: {}, production: {protected: true}}}))
  await save('staging', {project: 'my-project-123'})
  expect(await read()).toEqual({
    environments: {staging: {project: 'my-project-123', target: 'gcp'}, production: {protected: true}},
  })
  await save('production', {name: 'thumbs', worker: './thumbs'})
  await save('staging', {labelColumn: 'y'})
  expect(await read()).toEqual({
    name: 'cloud-runner',
    pipelines: {thumbs: {}},
    environments: {
      staging: {
        project: 'my-project-123',
        target: 'gcp',
        pipelines: {'cloud-runner': {labelColumn: 'y'}},
      },
      production: {protected: true, pipelines: {thumbs: {worker: './thumbs'}}},
    },
  })
})
