import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {describe, expect, it} from 'vitest'
import {readConfig} from '../../../src/core/config.ts'
import {plan} from '../../../src/core/plan.ts'
import {readReport} from '../../../src/core/report.ts'
import {exportModel} from '../../../src/core/model/export-model.ts'
import {results} from '../../../src/core/results/results.ts'
import {generateSample} from '../../../src/core/sample/index.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {status} from '../../../src/core/status.ts'
import {
  placeModel,
  planModel,
  planPipelineModel,
  withModel,
  type PlannedModel,
} from '../../../src/core/model/plan-model.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload, type UploadOptions} from '../../../src/core/upload/upload.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

describe('the model of the pipeline', () => {
  it('scores every file that does not say otherwise; plan, setup and status know it', async () => {
    const context = await startLocalPipeline()
    const {folder, pipeline} = context
    const {inputBucket, outputBucket} = pipeline.names
    const sample = [...generateSample({rows: 200})].join('')
    const modelOf = async (name: string, options: UploadOptions) => {
      await writeFile(join(folder, name), sample)
      const sent = await upload(await planUpload({sources: [name], cwd: folder}), options, context)
      const {files} = await waitForResults(sent.uploaded, {timeoutMs: 60_000}, context)
      expect(files).toMatchObject([{state: 'done'}])
      return (await readReport(name, context)).model.pretrained
    }
    const planned = async (model: string) =>
      planPipelineModel(await readConfig({cwd: folder, environment: {}, flags: {model}, cores: 2}))
    const changes = async (model: PlannedModel | undefined) =>
      (await plan(await withModel(model, context))).resources
        .filter(({action}) => action !== 'none')
        .map(({kind}) => kind)
    await setup({workerFolder: undefined}, context)
    expect(await modelOf('train.csv', {labelColumn: 'bankrupt'})).toBeNull()
    const file = join(folder, 'model.json')
    await exportModel({object: 'train.csv', output: {file, force: false}}, context)

    // From a file: put beside the input once, by its content.
    const fromFile = await planned(file)
    expect(await changes(fromFile)).toEqual(['service', 'job'])
    const {service} = await setup({workerFolder: undefined, model: fromFile}, context)
    expect(service.model).toMatch(
      new RegExp(`^gs://${inputBucket}/_cloud-runner/models/[0-9a-f]{64}\\.json#\\d+$`),
    )
    expect((await status({objects: [], limit: 1}, context)).pipeline.model).toBe(service.model)
    expect(await modelOf('june.csv', {})).toMatchObject({uri: service.model})
    expect(await modelOf('july.csv', {labelColumn: 'bankrupt'})).toBeNull()
    expect(await changes(fromFile)).toEqual([])

    // An object, then none.
    const ofResult = `gs://${outputBucket}/_cloud-runner/july.csv/model.json`
    const named = await setup({workerFolder: undefined, model: await planned(ofResult)}, context)
    expect(named.service.model).toMatch(new RegExp(`^${ofResult}#\\d+$`))
    expect(await changes(undefined)).toEqual(['service', 'job'])
    await expect(withModel(await planned(`gs://${inputBucket}/none`), context)).rejects.toMatchObject({
      code: 'object-unknown',
    })
  }, 120_000)
})

describe('a model that comes with an upload', () => {
  it('goes all the way: trained, exported, used on another file, and reported', async () => {
    const context = await startLocalPipeline()
    const {folder, pipeline} = context
    const {inputBucket, outputBucket} = pipeline.names
    await setup({workerFolder: undefined, stage: () => {}}, context)

    const run = async (name: string, content: string, options: UploadOptions) => {
      await writeFile(join(folder, name), content)
      const sent = await upload(await planUpload({sources: [name], cwd: folder}), options, context)
      expect(sent.failed).toEqual([])
      const {files} = await waitForResults(sent.uploaded, {timeoutMs: 60_000}, context)
      return files[0]
    }
    const predictionsOf = async (object: string): Promise<Map<string, string>> => {
      const file = join(folder, `${object}.result`)
      await results({object, output: {file, force: true}}, context)
      const [, ...lines] = (await readFile(file, 'utf8')).trim().split('\n')
      return new Map(lines.map((line) => [line.split(',')[0] ?? '', line.split(',').slice(-3).join(',')]))
    }

    const sample = [...generateSample({rows: 300})].join('')
    const trained = await run('train.csv', sample, {labelColumn: 'bankrupt'})
    expect(trained?.state).toBe('done')
    const file = join(folder, 'model.json')
    const exported = await exportModel({object: 'train.csv', output: {file, force: false}}, context)
    expect(exported.uri).toBe(`gs://${outputBucket}/_cloud-runner/train.csv/model.json`)
    await expect(
      exportModel({object: 'train.csv', output: {file, force: false}}, context),
    ).rejects.toMatchObject({
      code: 'output-exists',
    })

    // Another file: the rows that were to be predicted, without the label's column.
    const [header = '', ...rows] = sample.trim().split('\n')
    const unlabelled = rows.filter((row) => row.endsWith(','))
    const other = [header, ...unlabelled].map((line) => `${line.slice(0, line.lastIndexOf(','))}\n`).join('')
    const first = await predictionsOf('train.csv')
    const names = unlabelled.map((row) => row.split(',')[0] ?? '')
    const expected = names.map((name) => first.get(name))
    expect(names.length).toBeGreaterThan(20)

    const foreign = new Storage({apiEndpoint: context.endpoint, projectId: pipeline.settings.project})
    await foreign.createBucket('elsewhere')
    await foreign
      .bucket('elsewhere')
      .file('a/model.json')
      .save(await readFile(file))
    for (const [i, named] of [file, exported.uri, 'gs://elsewhere/a/model.json'].entries()) {
      const model = await placeModel(await planModel(named, folder), context)
      expect(
        model.split('#')[0]?.startsWith(i === 1 ? exported.uri : `gs://${inputBucket}/_cloud-runner/models/`),
      ).toBe(true)
      const object = `other${i}.csv`
      expect((await run(object, other, {model}))?.error).toBeUndefined()
      const found = await predictionsOf(object)
      expect(names.map((name) => found.get(name))).toEqual(expected)
      expect((await readReport(object, context)).model.pretrained?.uri).toBe(model)
    }

    await expect(planModel(join(folder, 'none.json'), folder)).rejects.toMatchObject({code: 'file-missing'})
    await expect(
      placeModel(await planModel('gs://elsewhere/none.json', folder), context),
    ).rejects.toMatchObject({code: 'object-unknown'})
    const gone = await run('lost.csv', other, {model: `gs://${inputBucket}/none.json`})
    expect(gone).toMatchObject({state: 'failed', error: {code: 'object-missing'}})
    const hidden = await run('hidden.csv', other, {model: 'gs://elsewhere/a/model.json'})
    expect(hidden).toMatchObject({state: 'failed', error: {code: 'object-forbidden'}})
    await expect(readReport('hidden.csv', context)).rejects.toMatchObject({
      code: 'result-missing',
      exitCode: 3,
    })
  }, 120_000)

  it('that the settings name is reported with its source', async () => {
    const folder = await temporaryFolder()
    const file = join(folder, 'cloud-runner.json')
    await writeFile(file, '{"model": "none.json"}')
    const config = await readConfig({cwd: folder, environment: {}, flags: {}, cores: 2})
    await expect(planPipelineModel(config)).rejects.toMatchObject({
      code: 'file-missing',
      suggestions: expect.arrayContaining([`It comes from the setting "model": ${file}`]),
    })
  })

  it('is refused before anything is sent if it is invalid', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'model.json'), '{"weights": []}')
    for (const name of ['model.json', 'gs://bucket']) {
      await expect(planModel(name, folder)).rejects.toMatchObject({code: 'model-invalid', exitCode: 2})
    }
  })
})
