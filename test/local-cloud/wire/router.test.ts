import {expect, test} from 'vitest'
import {createRouter} from '../../../src/local-cloud/wire/router.ts'
import {route} from '../../../src/local-cloud/wire/routes.ts'

test('the first route that matches is found, whatever it begins or ends with', () => {
  const templates = [
    '/v1/projects/:project/topics/:topic:publish',
    '/v1/:rest*',
    '/:bucket/:object*',
    '/v1/never',
    '/v1:batch',
  ]
  const find = createRouter(templates.map((each) => route('POST', each, () => ({headers: {template: each}}))))
  const found = (path: string): unknown => {
    const match = find('POST', path)
    return (
      match && [
        templates.findIndex(
          (each) => route('POST', each, () => ({})).pattern.source === match.route.pattern.source,
        ),
        match.groups,
      ]
    )
  }
  expect(found('/v1/projects/p/topics/t:publish')).toEqual([0, {project: 'p', topic: 't'}])
  expect(found('/v1/projects/p/topics/t:pull')).toEqual([1, {rest: 'projects/p/topics/t:pull'}])
  expect(found('/v1/never')).toEqual([1, {rest: 'never'}])
  expect(found('/v1:batch')).toEqual([4, {}])
  expect(found('/bucket/a:publish')).toEqual([2, {bucket: 'bucket', object: 'a:publish'}])
  expect(found('/v1')).toBeUndefined()
  expect(find('GET', '/v1/never')).toBeUndefined()
})
