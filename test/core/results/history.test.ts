import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {cancel} from '../../../src/core/cancel.ts'
import {compare} from '../../../src/core/compare.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {keepVersions} from '../../../src/core/history/keep-versions.ts'
import {readRuns} from '../../../src/core/history/runs.ts'
import {plan} from '../../../src/core/plan.ts'
import type {Context} from '../../../src/core/ports/context.ts'
import {readReport} from '../../../src/core/report.ts'
import {chooseFiles, reprocess} from '../../../src/core/reprocess.ts'
import {results} from '../../../src/core/results/results.ts'
import type {Settings} from '../../../src/core/settings/settings.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {render} from '../../../src/core/suggestion.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

/** Rows in which `x` decides the label but for `noise` of them. */
function table(noise: number): string {
  const rows = Array.from({length: 60}, (_, n) => {
    const isTrue = n % 2 === 0
    const isNoisy = n < noise
    return `${isTrue === isNoisy ? n % 7 : 10 + (n % 7)},${(n * 37) % 11},${Number(isTrue)}`
  })
  return ['x,z,y', ...rows, ''].join('\n')
}

async function start(settings: Partial<Settings> = {}) {
  const started = await startLocalPipeline()
  const context = withSettings(started, settings)
  const made = await setup({workerFolder: undefined}, context)
  const send = async (content: string, name = 'a.csv') => {
    await writeFile(join(started.folder, 'a.csv'), content)
    const planned = await planUpload({sources: ['a.csv'], name, cwd: started.folder})
    const {uploaded} = await upload(planned, {}, context)
    const {files} = await waitForResults(uploaded, {timeoutMs: 30_000}, context)
    return files[0]
  }
  return {context, send, made, folder: started.folder}
}

function withSettings<C extends Context>(context: C, settings: Partial<Settings>): C {
  const {pipeline} = context
  return {...context, pipeline: {...pipeline, settings: {...pipeline.settings, ...settings}}}
}

test('history lists each run, also failed ones; earlier results and reports stay readable and comparable', async () => {
  const {context, send, made, folder} = await start()
  await expect(readRuns('a.csv', context)).rejects.toMatchObject({code: 'object-unknown'})

  const first = await send(table(3))
  expect(first?.state).toBe('done')
  const again = await reprocess(await chooseFiles({objects: ['a.csv']}, context), context)
  await waitForResults(again.notified, {timeoutMs: 30_000}, context)
  const better = await send(table(0))
  expect((await send('x,y\n"broken,1\n'))?.state).toBe('failed')

  const runs = await readRuns('a.csv', context)
  const image = made.image.replace(/^.*@/, '')
  const common = {revision: made.service.latestReadyRevision, image, isSoftDeleted: false}
  const done = {...common, outcome: 'done', labelColumn: 'y', auc: expect.any(Number)}
  expect(runs).toMatchObject([
    {...done, number: 1, inputGeneration: first?.generation},
    {...done, number: 2, inputGeneration: first?.generation},
    {...done, number: 3, inputGeneration: better?.generation},
    {...common, number: 4, outcome: 'failed', error: {code: expect.any(String)}},
  ])

  // The newest failed, and names the run that is kept; each run can be read.
  const newest = await results({object: 'a.csv'}, context)
  expect(newest).toMatchObject({file: {state: 'failed'}, previous: {run: 3}})
  const output = {file: join(folder, 'out.csv'), force: true}
  const read = await results({object: 'a.csv', run: 1, output}, context)
  expect(read).toMatchObject({
    run: {number: 1},
    file: {state: 'done', generation: first?.generation, attempts: 1},
    report: {rows: {total: 60}, run: {input: {generation: first?.generation}}},
    preview: {columns: ['x', 'z', 'y', 'prediction', 'probability_0', 'probability_1']},
    written: {sizeBytes: runs[0]?.result?.sizeBytes},
  })
  expect(await results({object: 'a.csv', run: 4}, context)).toMatchObject({
    file: {state: 'failed', error: {line: 2, column: 1, suggestions: [expect.any(String)]}},
  })
  expect(await readReport('a.csv', context, 3)).toMatchObject({generation: better?.generation})
  await expect(readReport('a.csv', context, 4)).rejects.toMatchObject({
    code: 'result-missing',
    message: 'Run 4 of a.csv has no report: it failed.',
  })
  await expect(results({object: 'a.csv', run: 5}, context)).rejects.toMatchObject({
    code: 'run-unknown',
    exitCode: 2,
    message: 'a.csv has no run 5: the runs are 1 to 4.',
  })

  const comparison = await compare('a.csv@1', 'a.csv', context)
  expect(comparison).toMatchObject({before: {number: 1}, after: {number: 3}, drift: []})
  const auc = comparison.metrics.find(({name}) => name === 'AUC')
  expect(auc?.change).toBeCloseTo((runs[2]?.auc ?? NaN) - (runs[0]?.auc ?? NaN), 12)
  expect(auc?.change).toBeGreaterThan(0)
  expect(comparison.coefficients[0]).toMatchObject({class: '1', name: 'x'})
  const same = await compare('a.csv@1', 'a.csv@2', context)
  expect(same.coefficients).toEqual([])
  expect(same.metrics.map(({change}) => change ?? 0)).toEqual(same.metrics.map(() => 0))

  await expect(compare('a.csv@3', 'a.csv', context)).rejects.toMatchObject({
    code: 'usage',
    message: 'Both are run 3 of a.csv: name two different runs.',
  })
  await expect(compare('a.csv@0', 'a.csv', context)).rejects.toMatchObject({code: 'run-unknown'})

  // Names may end like a run.
  await send(table(1), 'a.csv@1')
  expect(await compare('a.csv@1', 'a.csv@1', context).catch((error: Error) => error.message)).toBe(
    'Both are run 1 of a.csv@1: name two different runs.',
  )
  expect(await compare('a.csv', 'a.csv@1@1', context)).toMatchObject({
    before: {object: 'a.csv', number: 3},
    after: {object: 'a.csv@1', number: 1},
  })
})

test('without versioning, replaced runs are listed while they are soft-deleted, but cannot be read', async () => {
  const {context, send} = await start({versioning: false})
  await send(table(3))
  await send(table(0))
  expect(await readRuns('a.csv', context)).toMatchObject([
    {number: 1, outcome: 'done', auc: expect.any(Number), isSoftDeleted: true},
    {number: 2, outcome: 'done', isSoftDeleted: false},
  ])
  expect(await results({object: 'a.csv', run: 2}, context)).toMatchObject({report: {rows: {total: 60}}})
  await expect(results({object: 'a.csv', run: 1}, context)).rejects.toMatchObject({
    code: 'result-missing',
    message: expect.stringContaining('is soft-deleted: it cannot be read unless you restore it.'),
    suggestions: [expect.stringContaining('"versioning": true')],
  })
})

test('without soft delete, only the runs that are kept are listed, and a failed file has its result', async () => {
  const {context, send} = await start({versioning: false, softDeleteDays: 0})
  await send(table(3))
  await send(table(0))
  expect(await readRuns('a.csv', context)).toMatchObject([{number: 1, outcome: 'done', isSoftDeleted: false}])
  expect(await results({object: 'a.csv', run: 1}, context)).toMatchObject({report: {rows: {total: 60}}})
  expect((await send('x,y\n"broken,1\n'))?.state).toBe('failed')
  expect(await results({object: 'a.csv'}, context)).toMatchObject({
    file: {state: 'failed'},
    previous: {run: 1},
  })
})

test.each([
  {versioning: false, softDeleteDays: 0},
  {versioning: true, softDeleteDays: 0},
])('a failed run stays in the history once its file is cancelled: %j', async (settings) => {
  const {context, send} = await start(settings)
  expect((await send('x,y\n"broken,1\n'))?.state).toBe('failed')
  const [before] = await readRuns('a.csv', context)
  for (const _ of [1, 2]) {
    expect(await cancel(['a.csv'], context)).toMatchObject({ended: [{state: 'failed'}]})
    const {outcome, error, inputGeneration} = before ?? {}
    expect(await readRuns('a.csv', context)).toMatchObject([{number: 1, outcome, error, inputGeneration}])
  }
})

test('a pipeline without versioning gets it in place, and from then on no run destroys the one before', async () => {
  const {context, send} = await start({versioning: false})
  const first = await send(table(3))
  const updated = withSettings(context, {versioning: true})
  const advice = async (about: Context) => render((await keepVersions(about)) ?? '')
  expect(await advice(context)).toContain('set "versioning": true in cloud-runner.json')
  expect(await advice(updated)).toContain('cloud-runner setup')
  const {resources} = await plan(updated)
  expect(resources.filter(({action}) => action !== 'none')).toEqual([
    {kind: 'bucket', name: context.pipeline.names.outputBucket, action: 'update'},
  ])

  await setup({workerFolder: undefined}, updated)
  expect(await advice(updated)).toBe('')
  await send(table(0))
  expect(await results({object: 'a.csv', run: 1}, updated)).toMatchObject({
    file: {generation: first?.generation},
    report: {rows: {total: 60}},
  })
  const bucket = context.pipeline.names.outputBucket
  const existing = withSettings(context, {outputBucket: bucket})
  await setup({workerFolder: undefined}, context)
  expect(await advice(existing)).toContain(`gcloud storage buckets update gs://${bucket} --versioning`)
})
