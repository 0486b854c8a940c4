import {expect, test} from 'vitest'
import {failureOf} from '../../src/cli/failure.ts'
import {FileIndex} from '../../src/console/file-index.ts'
import {Fixes} from '../../src/console/fixes.ts'
import {readAllFiles} from '../../src/core/files/read-files.ts'
import type {Context} from '../../src/core/ports/context.ts'
import {NOTHING_TYPED, render} from '../../src/core/suggestion.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {putUnnoticed} from '../support/unnoticed-uploads.ts'

const WAITING = {states: ['waiting'], prefix: '', text: '', since: '', revision: ''} as const

test('cancels by filter what is still there, and names what is gone', async () => {
  const context = await startLocalPipeline()
  await putUnnoticed(context, ['a.csv', 'b.csv', 'c.csv'])
  const files = new FileIndex()
  files.replace(await readAllFiles(context))
  const fixes = fixesFor(context, files)
  await context.cloud.objects.delete(context.pipeline.names.inputBucket, 'b.csv')
  fixes.start({fix: 'cancel', objects: [], filter: WAITING})
  await fixes[Symbol.asyncDispose]()
  expect(fixes.kept).toMatchObject([
    {
      state: 'failed',
      done: 2,
      total: 3,
      problem: {code: 'object-unknown', message: 'b.csv left the input bucket.'},
    },
  ])
})

test.each([
  ['by filter', []],
  ['by name', ['a.csv', 'b.csv']],
])('a file that is uploaded again has to be confirmed again: %s', async (_, objects) => {
  const context = await startLocalPipeline()
  await putUnnoticed(context, ['a.csv', 'b.csv'])
  const files = new FileIndex()
  files.replace(await readAllFiles(context))
  const fixes = fixesFor(context, files)
  const request = {fix: 'cancel', objects, filter: WAITING} as const
  const {digest} = fixes.plan(request)
  expect(fixes.plan(request).digest).toBe(digest)
  await putUnnoticed(context, ['b.csv'])
  files.replace(await readAllFiles(context))
  expect(() => fixes.start(request, digest)).toThrow(expect.objectContaining({code: 'conflict'}))
  fixes.start(request, fixes.plan(request).digest)
  await fixes[Symbol.asyncDispose]()
  expect(fixes.kept).toMatchObject([{state: 'done', done: 2, total: 2}])
})

function fixesFor(context: Context, files: FileIndex): Fixes {
  return new Fixes({
    context,
    files,
    render,
    explain: (error) => failureOf(error, {bin: 'cloud-runner', typed: NOTHING_TYPED}),
    changed: () => {},
  })
}
