import {readFile, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {expect, test} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {readReport} from '../../../src/core/report.ts'
import {results} from '../../../src/core/results/results.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {putUnnoticed} from '../../support/unnoticed-uploads.ts'

test('a failed file has an earlier result only if that is its own and older', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal} = context
  const [json, pdf, old] = await putUnnoticed(context, ['x.json', 'invoice.pdf', 'old.csv'])
  const put = (name: string, metadata: Readonly<Record<string, string>>, content = '{}') =>
    cloud.objects.upload({
      bucket: pipeline.names.outputBucket,
      name,
      source: {stream: Readable.from([Buffer.from(content)])},
      metadata,
      signal,
    })
  const before = ({generation}: {generation: string}) => String(BigInt(generation) - 1n)
  const after = ({generation}: {generation: string}) => String(BigInt(generation) + 1n)
  for (const {name, generation} of [json, pdf])
    await put(sidecarObject(name, 'error.json'), {'source-generation': generation})
  // One of the two outputs of invoice.pdf has the name of another file.
  await put('x.json', {'source-generation': before(pdf), 'source-object': 'invoice.pdf'})
  const list = await put(sidecarObject('invoice.pdf', 'outputs.json'), {
    'source-generation': before(pdf),
    outputs: '2',
    'outputs-size': '48',
  })
  await put('old.csv', {'source-generation': after(old)})

  const previousOf = async (object: string) => (await results({object}, context)).previous
  expect(await previousOf('x.json')).toBeUndefined()
  expect(await previousOf('invoice.pdf')).toMatchObject({
    object: list.name,
    sizeBytes: 48,
    inputGeneration: before(pdf),
  })
  expect(await previousOf('old.csv')).toBeUndefined()
})

test('the first result that is saved in a fresh checkout creates a state folder that is private and ignored', async () => {
  const context = await startLocalPipeline()
  const [input] = await putUnnoticed(context, ['a.csv'])
  await context.cloud.objects.upload({
    bucket: context.pipeline.names.outputBucket,
    name: 'a.csv',
    source: {stream: Readable.from([Buffer.from('a,b\n')])},
    metadata: {'source-generation': input.generation},
    signal: context.signal,
  })
  const stateFolder = join(context.folder, 'checkout', '.cloud-runner')
  const output = {file: join(context.folder, 'saved.csv'), force: false}
  await results({object: 'a.csv', output}, {...context, stateFolder})
  expect(await readFile(join(stateFolder, '.gitignore'), 'utf8')).toBe('*\n')
  expect((await stat(stateFolder)).mode & 0o777).toBe(0o700)
})

test.each([
  ['of another program', {rows: {total: 1}, metrics: {}, coefficients: []}],
  [
    'of a later version',
    {format: 'cloud-runner/report', version: 2, rows: {}, metrics: {}, coefficients: []},
  ],
  ['without figures', {format: 'cloud-runner/report', version: 1}],
  [
    'with hollow members',
    {format: 'cloud-runner/report', version: 1, rows: {}, metrics: {}, coefficients: []},
  ],
])('a report %s is neither shown with the result nor drawn', async (_case, content) => {
  const context = await startLocalPipeline()
  const [input] = await putUnnoticed(context, ['a.csv'])
  for (const [name, text] of Object.entries({
    'a.csv': 'a,b\n',
    [sidecarObject('a.csv', 'report.json')]: JSON.stringify(content),
  }))
    await context.cloud.objects.upload({
      bucket: context.pipeline.names.outputBucket,
      name,
      source: {stream: Readable.from([Buffer.from(text)])},
      metadata: {'source-generation': input.generation},
      signal: context.signal,
    })
  const shown = await results({object: 'a.csv'}, context)
  expect([shown.file.state, shown.report]).toEqual(['done', undefined])
  await expect(readReport('a.csv', context)).rejects.toMatchObject({code: 'report-unreadable'})
})
