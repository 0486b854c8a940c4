import {expect, test} from 'vitest'
import {failureOf} from '../../src/cli/failure.ts'
import {FileIndex} from '../../src/console/file-index.ts'
import {Fixes} from '../../src/console/fixes.ts'
import {readAllFiles} from '../../src/core/files/read-files.ts'
import {NOTHING_TYPED, render} from '../../src/core/suggestion.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {putUnnoticed} from '../support/unnoticed-uploads.ts'

const WAITING = {states: ['waiting'], prefix: '', text: '', since: '', revision: ''} as const

test('cancels by filter what is still there, and names what is gone', async () => {
  const context = await startLocalPipeline()
  await putUnnoticed(context, ['a.csv', 'b.csv', 'c.csv'])
  const files = new FileIndex()
  files.replace(await readAllFiles(context))
  const fixes = new Fixes({
    context,
    files,
    render,
    explain: (error) => failureOf(error, {bin: 'cloud-runner', typed: NOTHING_TYPED}),
    changed: () => {},
  })
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
