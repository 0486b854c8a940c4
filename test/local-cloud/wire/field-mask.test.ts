import {expect, it} from 'vitest'
import {applyFieldMask, fieldPaths} from '../../../src/local-cloud/wire/field-mask.ts'

// The JSON names are those that protoc gives: an underscore goes, and what follows it is upper case.
it.each([
  ['labels, push_config.oidc_token', [['labels'], ['pushConfig', 'oidcToken']]],
  ['pushConfig', [['pushConfig']]],
  ['ipv_4_address,x__y,line_1', [['ipv4Address'], ['xY'], ['line1']]],
  ['', []],
])('a mask %j names the fields %j', (mask, paths) => {
  expect(fieldPaths(mask)).toEqual(paths)
})

it('applies the named fields, removes those absent from the update, and keeps the order of the rest', () => {
  const current = {name: 'n', template: {timeout: '1s', labels: {a: '1'}}, labels: {b: '2'}, list: [1]}
  const update = {template: {timeout: '2s'}, list: [2, 3]}
  const changed = applyFieldMask(current, update, fieldPaths('template.timeout,labels,list,new.nested'))
  expect(JSON.stringify(changed)).toBe(
    '{"name":"n","template":{"timeout":"2s","labels":{"a":"1"}},"list":[2,3],"new":{}}',
  )
})
