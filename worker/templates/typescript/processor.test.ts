import assert from 'node:assert/strict'
import {readFile} from 'node:fs/promises'
import {Readable} from 'node:stream'
import {test} from 'node:test'
import {PermanentError} from 'cloud-runner/worker'
import {processor} from './processor.ts'

/** Runs the processor on a text as the worker would. @returns the result and its report */
async function run(content: string): Promise<{result: string; report: object | undefined}> {
  let result = ''
  let report: object | undefined
  await processor.process(
    {
      bucket: 'input',
      object: 'sample.jsonl',
      generation: '1',
      sizeBytes: Buffer.byteLength(content),
      contentType: undefined,
      metadata: {},
      open: async () => Readable.from([Buffer.from(content)], {objectMode: false}),
    },
    {
      write: async (chunk) => void (result += Buffer.from(chunk).toString()),
      setContentType: () => {},
      file: (name) => {
        throw new Error(`The test expects one result, not ${name}.`)
      },
      sidecar: (_, beside) => (report = beside),
    },
    {
      signal: new AbortController().signal,
      environment: {},
      readObject: async (uri) => {
        throw new Error(`The test has no object ${uri}.`)
      },
      log: () => {},
    },
  )
  return {result, report}
}

test('adds the total to each order', async () => {
  const {result, report} = await run(await readFile(new URL('sample.jsonl', import.meta.url), 'utf8'))
  assert.deepEqual(
    result
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).total),
    [1.5, 2.75, 7.96],
  )
  assert.deepEqual(report, {orders: 3, sum: 12.21})
})

test('names the line that is not an order', async () => {
  await assert.rejects(run('{"quantity": 1, "price": 2}\n\n{"quantity": "many"}\n'), (error) => {
    assert.ok(error instanceof PermanentError)
    assert.deepEqual([error.code, error.line], ['not-an-order', 3])
    return true
  })
})
