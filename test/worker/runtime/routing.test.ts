import {expect, it} from 'vitest'
import {routeEvent} from '../../../worker/runtime/routing.ts'

const finalize = {eventType: 'OBJECT_FINALIZE', bucket: 'in', generation: '1', reprocessId: undefined}
const buckets = {inputBucket: 'in', outputBucket: 'out'}

it.each([
  ['a.csv', 'file'],
  ['folder/a.csv', 'file'],
  ['_cloud-runner', 'file'],
  ['_cloud-runner/canary/1', 'canary'],
  ['_cloud-runner/canary/', 'skip'],
  ['_cloud-runner/a.csv/report.json', 'skip'],
  ['folder/', 'skip'],
])('routes %s as %s', (object, kind) => {
  expect(routeEvent({...finalize, object}, buckets).kind).toBe(kind)
})

it('skips what is not a new object, and what is of another bucket', () => {
  const event = {...finalize, object: 'a.csv'}
  expect(routeEvent({...event, eventType: 'OBJECT_METADATA_UPDATE'}, buckets)).toMatchObject({
    severity: 'DEBUG',
  })
  expect(routeEvent({...event, bucket: 'out'}, buckets)).toMatchObject({severity: 'WARNING'})
  expect(routeEvent({...event, bucket: 'other'}, buckets)).toMatchObject({severity: 'WARNING'})
  expect(routeEvent({...event, bucket: 'other'}, {...buckets, inputBucket: undefined}).kind).toBe('file')
})
