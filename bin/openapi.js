// Writes the OpenAPI document of the console's API, derived from the types that its server and its page are checked against.
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {openTypes, ts} from './types.js'

/**
 * @param {string} root
 * @param {string} file to write
 * @param {string} version of the program
 */
export function writeOpenApi(root, file, version) {
  const path = join(root, 'src', 'console', 'operations.ts')
  const {program, generator} = openTypes(root, path, {expose: 'export', topRef: true, jsDoc: 'extended'})
  const schemas = new Map()
  const schemaOf = (type) => {
    const {$schema: _dialect, definitions, ...shape} = generator.createSchemaFromNodes([type])
    for (const [name, schema] of Object.entries(definitions)) schemas.set(name, schema)
    return shape
  }
  const api = program
    .getSourceFile(path)
    .statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'Api')
  const paths = {}
  for (const member of api.members) {
    const [method, address] = member.name.text.split(' ')
    const parts = Object.fromEntries(member.type.members.map((part) => [part.name.text, part.type]))
    const type = parts.content?.literal.text ?? 'application/json'
    ;(paths[address] ??= {})[method.toLowerCase()] = {
      summary: textOf(member),
      operationId: operationId(method, address),
      parameters: [...pathParameters(address), ...queryParameters(parts.query, schemaOf, schemas)],
      ...(address.startsWith('/api/uploads/')
        ? {requestBody: {required: true, content: {'application/octet-stream': {}}}}
        : {}),
      responses: {
        200: {description: 'The answer.', content: {[type]: {schema: schemaOf(parts.answer)}}},
        default: {
          description: 'Why not.',
          content: {'application/json': {schema: {$ref: '#/definitions/Problem'}}},
        },
      },
    }
  }
  const document = {
    openapi: '3.1.0',
    info: {title: 'The console of cloud-runner', version, description: DESCRIPTION},
    servers: [
      {
        url: 'http://127.0.0.1:{port}',
        variables: {port: {default: '8090', description: 'As given by `cloud-runner console --port 8090`.'}},
      },
    ],
    security: [{token: []}],
    paths,
    components: {
      securitySchemes: {token: {type: 'http', scheme: 'bearer'}},
      schemas: Object.fromEntries([...schemas].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    },
  }
  writeFileSync(file, `${JSON.stringify(resolved(document, schemas), undefined, 2)}\n`)
}

const DESCRIPTION =
  'Served on 127.0.0.1 while `cloud-runner console` runs. The token is in the fragment of the address that it prints.'

/** Types that a client wants by name; others are put where they are used. */
const NAMED = /^(?:AsJson<)?([A-Z]\w*)>?$/

/** With references to named schemas, and the others in their place. */
function resolved(document, schemas) {
  const names = new Set()
  const walk = (value) => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    const {$ref, ...others} = value
    if (typeof $ref !== 'string')
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]))
    const key = $ref.replace('#/definitions/', '')
    const schema = schemas.get(key)
    const [, name] = NAMED.exec(key) ?? []
    if (name === undefined || schema?.type !== 'object') return {...walk(schema), ...walk(others)}
    names.add(name)
    return {...walk(others), $ref: `#/components/schemas/${name}`}
  }
  const {components, ...rest} = document
  const walked = walk(rest)
  const all = new Map(
    Object.entries(components.schemas).flatMap(([key, schema]) => {
      const [, name] = NAMED.exec(key) ?? []
      return name === undefined ? [] : [[name, walk(schema)]]
    }),
  )
  const used = [...all].filter(([name]) => names.has(name))
  return {...walked, components: {...components, schemas: Object.fromEntries(used)}}
}

function pathParameters(address) {
  return [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'fix' ? {$ref: '#/definitions/Fix'} : {type: 'string'},
  }))
}

function queryParameters(type, schemaOf, schemas) {
  if (type === undefined) return []
  const {$ref} = schemaOf(type)
  const {properties} = schemas.get($ref.replace('#/definitions/', ''))
  return Object.entries(properties).map(([name, {description, ...schema}]) => ({
    name,
    in: 'query',
    description,
    schema,
  }))
}

function textOf(member) {
  return ts
    .getJSDocCommentsAndTags(member)
    .map(({comment}) => comment)
    .join(' ')
}

function operationId(method, address) {
  const words = address
    .replace('/api/', '')
    .split(/\W+/)
    .filter((word) => word !== '')
  return [method.toLowerCase(), ...words.map((word) => word[0].toUpperCase() + word.slice(1))].join('')
}
