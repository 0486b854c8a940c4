import {readFileSync} from 'node:fs'
import {expect} from 'vitest'
import {closedSchemaChecker} from './json-schema.ts'

const FILE = new URL('../../dist/console/openapi.json', import.meta.url)

/** Checks an event's data against the description that the build wrote. */
export function expectDescribedEvent(kind: string, data: unknown): void {
  const check = closedSchemaChecker(FILE, ['components', 'schemas', 'Events', 'properties', kind])
  expect({kind, violations: check(data)}).toEqual({kind, violations: []})
}

/** Checks an answer of the console's API against the description that the build wrote. */
export function expectDescribed(method: string, address: string, status: number, value: unknown): void {
  const {pathname} = new URL(address, 'http://console.example')
  const {paths} = Object(JSON.parse(readFileSync(FILE, 'utf8')))
  const path = Object.keys(paths).find((template) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  )
  if (path === undefined || !(method.toLowerCase() in paths[path])) {
    expect({method, pathname, status}).toMatchObject({status: 404})
    return
  }
  const check = closedSchemaChecker(FILE, [
    'paths',
    path,
    method.toLowerCase(),
    'responses',
    status === 200 ? '200' : 'default',
    'content',
    'application/json',
    'schema',
  ])
  expect({method, path, violations: check(value)}).toEqual({method, path, violations: []})
}
