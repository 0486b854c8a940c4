import {gunzipSync, gzipSync} from 'node:zlib'
import {expect, it} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {logisticRegression} from '../../../worker/logistic-regression/index.ts'
import {startWorker} from '../../support/running-worker.ts'

const rows = Array.from(
  {length: 60},
  (_, i) => `${Math.sin(i)},${'pqr'[i % 3]},${Math.sin(i) > 0.2 ? 1 : 0}\n`,
)
const text = `a,kind,y\n${rows.join('')}`

it.each([
  {how: 'plain', name: 'file.csv', bytes: Buffer.from(text), encoding: undefined},
  {how: 'by its name', name: 'file.csv.gz', bytes: gzipSync(text), encoding: undefined},
  {how: 'by its content encoding', name: 'file.csv', bytes: gzipSync(text), encoding: 'gzip'},
  {
    how: 'once, by its name and its content encoding',
    name: 'file.csv.gz',
    bytes: gzipSync(text),
    encoding: 'gzip',
  },
  {
    how: 'twice, by its name and its content encoding',
    name: 'file.csv.gz',
    bytes: gzipSync(gzipSync(text)),
    encoding: 'gzip',
  },
])('a file that is gzipped $how is read', async ({name, bytes, encoding}) => {
  await using worker = await startWorker(logisticRegression)
  const file = worker.input(name)
  await file.save(bytes, {
    resumable: false,
    metadata: {contentType: 'text/csv', ...(encoding && {contentEncoding: encoding})},
  })
  expect(await worker.deliver(name, String(file.metadata.generation))).toBe(204)
  const [error] = await worker.output(sidecarObject(name, 'error.json')).exists()
  expect(error).toBe(false)
  const result = await worker.bytes(worker.output(name))
  const lines = (name.endsWith('.gz') ? gunzipSync(result) : result).toString().trim().split('\n')
  expect(lines).toHaveLength(61)
  expect(lines[0]).toBe('a,kind,y,prediction,probability_0,probability_1')
})
