import {expect, it} from 'vitest'
import {routeEvent} from '../../../worker/runtime/routing.ts'

const finalize = {eventType: 'OBJECT_FINALIZE', bucket: 'in', generation: '1', reprocessId: undefined}
const settings = {inputBucket: 'in', outputBucket: 'out', filter: {}, afterwards: 'keep'} as const

it.each([
  ['a.csv', 'file'],
  ['folder/a.csv', 'file'],
  ['_cloud-runner', 'file'],
  ['_cloud-runner/canary/1', 'canary'],
  ['_cloud-runner/canary/', 'skip'],
  ['_cloud-runner/a.csv/report.json', 'skip'],
  ['folder/', 'skip'],
])('routes %s as %s', (object, kind) => {
  expect(routeEvent({...finalize, object}, settings).kind).toBe(kind)
})

it('skips what is not a new object, and what is of another bucket', () => {
  const event = {...finalize, object: 'a.csv'}
  expect(routeEvent({...event, eventType: 'OBJECT_METADATA_UPDATE'}, settings)).toMatchObject({
    severity: 'DEBUG',
  })
  expect(routeEvent({...event, bucket: 'out'}, settings)).toMatchObject({severity: 'WARNING'})
  expect(routeEvent({...event, bucket: 'other'}, settings)).toMatchObject({severity: 'WARNING'})
  expect(routeEvent({...event, bucket: 'other'}, {...settings, inputBucket: undefined}).kind).toBe('file')
})

it.each([
  ['in/a.csv', 'file'],
  ['a.csv', 'skip'],
  ['in/a.txt', 'skip'],
  ['_cloud-runner/canary/1', 'canary'],
])('with a filter, routes %s as %s', (object, kind) => {
  const filter = {prefix: 'in/', suffix: '.csv'}
  expect(routeEvent({...finalize, object}, {...settings, filter}).kind).toBe(kind)
})
