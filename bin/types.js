// Reads types for what the build derives from them.
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {createFormatter, createParser, createProgram, SchemaGenerator} from 'ts-json-schema-generator'

/** The generator's own TypeScript: version 7 has no API. */
export const ts = createRequire(import.meta.resolve('ts-json-schema-generator'))('typescript')

/**
 * Parses sources for a JSON Schema of any type in them.
 * @param {string} root
 * @param {string} path of the sources, a glob pattern
 * @param {{expose: 'all' | 'export', topRef: boolean, jsDoc: 'basic' | 'extended'}} options of the generator
 */
export function openTypes(root, path, options) {
  const config = {
    path,
    tsconfig: join(root, 'tsconfig.json'),
    type: '*',
    encodeRefs: false,
    additionalProperties: true,
    skipTypeCheck: true,
    ...options,
  }
  const program = createProgram(config)
  return {
    program,
    generator: new SchemaGenerator(program, createParser(program, config), createFormatter(config), config),
  }
}
