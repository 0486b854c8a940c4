import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {saveConfig} from '../../src/core/config-file.ts'
import {readConfig} from '../../src/core/config.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

test('saving keeps what is there, and can be read again', async () => {
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
