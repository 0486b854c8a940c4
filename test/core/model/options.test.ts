import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {planModelOptions} from '../../../src/core/model/options.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

it('--set goes before the file of --model-options, also before an option that it excludes', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'options.json'), '{"C": 0.1, "threshold": 0.3, "include": ["x"]}')
  const plan = (settings: string[]) => planModelOptions({file: 'options.json', settings}, folder)
  expect(JSON.parse((await plan(['C=1', 'maximize=f1', 'exclude=z'])) ?? '')).toEqual({
    C: 1,
    maximize: 'f1',
    exclude: ['z'],
  })
  await expect(plan(['include=x', 'exclude=z'])).rejects.toThrow('include and exclude exclude each other')
})

it('an option that does not exist is answered with the one that was meant, or with all', async () => {
  const refused = (setting: string) =>
    planModelOptions({file: undefined, settings: [setting]}, '.').catch((error: unknown) => error)
  expect(await refused('c=1')).toMatchObject({
    message: 'There is no model option c.',
    suggestions: [expect.stringContaining('C'), expect.stringMatching(/^The model options are C, /)],
  })
  expect(await refused('frobnicate=1')).toMatchObject({
    suggestions: [expect.stringMatching(/^The model options are C, /)],
  })
})
