import {existsSync} from 'node:fs'
import {expect} from 'vitest'
import type {Ended} from './cli.ts'
import {closedSchemaChecker} from './json-schema.ts'

/** Each line that these print is a document of its own. */
const STREAMS = new Set(['dev', '--tail', '--follow', '-f'])

/**
 * Compares what a command printed with --json with the schema that is published for it.
 * @returns how it ended, unchanged
 */
export function checkedJson(args: readonly string[], ended: Ended): Ended {
  const words = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined)
  const isDocument = words.includes('--json') && ended.signal === undefined && ended.stdout.startsWith('{')
  if (!isDocument || words.some((word) => STREAMS.has(word))) return ended
  const value: unknown = JSON.parse(ended.stdout)
  const isError = typeof value === 'object' && value !== null && 'error' in value
  const schema = isError ? schemaOf('error') : schemaFor(words)
  if (schema !== undefined)
    expect({args, violations: closedSchemaChecker(schema)(value)}).toEqual({args, violations: []})
  return ended
}

/** @returns `undefined` if the words name no command that prints JSON */
function schemaFor([first = '', second = '']: readonly string[]): URL | undefined {
  return [schemaOf(`${first}-${second}`), schemaOf(first)].find((file) => existsSync(file))
}

function schemaOf(name: string): URL {
  return new URL(`../../dist/schemas/${name}.schema.json`, import.meta.url)
}
