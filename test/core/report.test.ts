import {join} from 'node:path'
import {writeFile} from 'node:fs/promises'
import {expect, test} from 'vitest'
import {waitForResults} from '../../src/core/files/wait.ts'
import {saveReports} from '../../src/core/report.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'

test('the reports of many files are in the order of the files, not of their completion', async () => {
  const context = await startLocalPipeline()
  const {cloud, folder} = context
  await setup({workerFolder: undefined}, context)
  const rows = Array.from({length: 60}, (_, n) => `${n % 7},${n % 2}\n`)
  for (const name of ['a.csv', 'b.csv', 'c.csv', 'd.csv'])
    await writeFile(join(folder, name), name < 'c' ? `x,y\n${rows.join('')}` : 'x,y\n"broken,1\n')
  const sources = ['a.csv', 'b.csv', 'c.csv', 'd.csv']
  const {uploaded} = await upload(await planUpload({sources, cwd: folder}), {}, context)
  const {files} = await waitForResults(uploaded, {timeoutMs: 60_000}, context)
  // The first is read once all others are through.
  const others = Promise.withResolvers<void>()
  const through: string[] = []
  const step = (object: string) => {
    if (through.push(object) === 3) others.resolve()
  }
  const readJson: typeof cloud.objects.readJson = async (object) => {
    if (object.name.includes('/a.csv/')) await others.promise
    return cloud.objects.readJson(object)
  }
  const slow = {...context, step, cloud: {...cloud, objects: {...cloud.objects, readJson}}}
  const output = {folder: join(folder, 'pages'), force: false}
  const saved = await saveReports(files, output, ({object}) => object, slow)
  expect(through.at(-1)).toBe('a.csv')
  expect(saved).toMatchObject({
    reports: [
      {object: 'a.csv', file: join(folder, 'pages', 'a.csv.report.html'), sizeBytes: 5},
      {object: 'b.csv', sizeBytes: 5},
    ],
    missing: [{object: 'c.csv'}, {object: 'd.csv'}],
    exitCode: 3,
  })
})
