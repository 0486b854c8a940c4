import {chmod, mkdir, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {putLocalValues, readLocalValues} from '../../../src/core/secrets/local-values.ts'
import {createRest} from '../../../src/google/rest.ts'
import {createSecrets} from '../../../src/google/secrets.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

async function write(text: string): Promise<{folder: string; file: string}> {
  const folder = join(await temporaryFolder(), '.cloud-runner')
  await mkdir(folder)
  const file = join(folder, 'secrets.env')
  await writeFile(file, text)
  return {folder, file}
}

async function startSecrets() {
  const {pipeline, endpoint} = await startLocalPipeline()
  const {project: projectId, region} = pipeline.settings
  const secrets = createSecrets({projectId}, createRest({projectId, region, endpoint}))
  const versions = async (secret: string, suffix = ''): Promise<unknown> =>
    (await fetch(`${endpoint}/v1/projects/${projectId}/secrets/${secret}/versions${suffix}`)).json()
  const disable = async (secret: string, version: number): Promise<void> => {
    const name = `${endpoint}/v1/projects/${projectId}/secrets/${secret}/versions/${version}:disable`
    expect((await fetch(name, {method: 'POST'})).status).toBe(200)
  }
  return {secrets, versions, disable}
}

it('reads names and values as dotenv does, and keeps the file to its owner', async () => {
  const {folder, file} = await write(
    '\uFEFF# keys\nexport TOKEN="a b#c"\nMULTI="one\ntwo"\nPLAIN = x # comment\nEMPTY=\n',
  )
  await chmod(file, 0o644)
  expect(Object.fromEntries(await readLocalValues(folder))).toEqual({
    TOKEN: 'a b#c',
    MULTI: 'one\ntwo',
    PLAIN: 'x',
    EMPTY: '',
  })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

it('has no values without a file, and says why one cannot be read', async () => {
  expect((await readLocalValues(await temporaryFolder())).size).toBe(0)
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'secrets.env'))
  await expect(readLocalValues(folder)).rejects.toMatchObject({code: 'config-unreadable'})
})

it('puts what differs as a new version, once', async () => {
  const {secrets, versions, disable} = await startSecrets()
  const declared = {TOKEN: 'api-token', SAME: 'api-token:latest', KEY: 'key:3', NONE: 'none'}
  const values = new Map([
    ['TOKEN', 'first'],
    ['SAME', 'first'],
    ['KEY', 'ключ'],
    ['NONE', ''],
    ['OTHER', 'x'],
  ])
  expect(await putLocalValues(secrets, values, declared)).toEqual({
    put: ['TOKEN', 'SAME', 'KEY'],
    unchanged: [],
    missing: ['NONE'],
    undeclared: ['OTHER'],
  })
  expect(await secrets.newest('key')).toBe('ключ')
  const newer = new Map([...values, ['TOKEN', 'second'], ['SAME', 'second']])
  expect(await putLocalValues(secrets, newer, declared)).toMatchObject({
    put: ['TOKEN', 'SAME'],
    unchanged: ['KEY'],
  })
  expect(await putLocalValues(secrets, newer, declared)).toMatchObject({put: []})
  expect(await versions('api-token')).toMatchObject({totalSize: 2})
  await disable('api-token', 2)
  expect(await putLocalValues(secrets, newer, declared)).toMatchObject({put: ['TOKEN', 'SAME']})
  expect(await versions('api-token')).toMatchObject({totalSize: 3})
})

it('refuses two values for one secret, before it changes anything', async () => {
  const {secrets} = await startSecrets()
  const values = new Map([
    ['KEY', 'k'],
    ['A', 'one-value'],
    ['B', 'other-value'],
  ])
  const refused = putLocalValues(secrets, values, {KEY: 'key', A: 'shared', B: 'shared:1'})
  await expect(refused).rejects.toMatchObject({code: 'config-invalid', exitCode: 2})
  await expect(refused).rejects.not.toThrow(/one-value|other-value/)
  expect(await secrets.newest('key')).toBeUndefined()
})
