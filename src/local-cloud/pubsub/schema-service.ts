import {randomBytes} from 'node:crypto'
import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {pageByKey, pageByOffset, type PageRequest} from '../wire/paging.ts'
import type {RpcService} from '../wire/rpc.ts'
import {checkProjectName, parseSchemaName} from './names.ts'
import type {ResourceStore} from './resource-store.ts'
import {readDefinition, type SchemaType} from './schema-formats.ts'
import type {SchemaRevision, SchemaStore} from './schema-store.ts'

const PAGE = {usual: 100, largest: 1000}

interface Definition {
  readonly name?: string
  readonly type?: string
  readonly definition?: string
}

interface NameRequest {
  readonly name?: string
  readonly view?: string
}

/** The service google.pubsub.v1.SchemaService: https://cloud.google.com/pubsub/docs/schemas */
export function createSchemaService({
  state,
  clock,
  access,
  resources,
  schemas,
}: {
  state: State
  clock: Clock
  access: AccessControl
  resources: ResourceStore
  schemas: SchemaStore
}): RpcService {
  /** The name without a revision, once the caller may do this to it. */
  const permitted = (name: string, {principal}: Call, verb: string): string => {
    const [schema = ''] = name.split('@')
    parseSchemaName(schema)
    access.require(principal, `pubsub.schemas.${verb}`, schema)
    return schema
  }

  const readable = async ({
    type,
    definition = '',
  }: Definition): Promise<{type: SchemaType; definition: string}> => {
    if (type !== 'AVRO' && type !== 'PROTOCOL_BUFFER')
      throw new ApiError('INVALID_ARGUMENT', 'A schema must have the type AVRO or PROTOCOL_BUFFER.')
    await readDefinition(type, definition)
    return {type, definition}
  }

  const revisionOf = (name: string, content: {type: SchemaType; definition: string}): SchemaRevision => ({
    name,
    ...content,
    revisionId: randomBytes(4).toString('hex'),
    revisionCreateTime: new Date(clock.now()).toISOString(),
  })

  const viewed = (view: string | undefined, {definition, ...basic}: SchemaRevision): object =>
    view === 'FULL' ? {...basic, definition} : basic

  return {
    service: 'google.pubsub.v1.SchemaService',
    unary: {
      async CreateSchema(
        {parent, schema = {}, schemaId = ''}: {parent?: string; schema?: Definition; schemaId?: string},
        {principal}: Call,
      ) {
        const project = checkProjectName(parent)
        const name = `${project}/schemas/${schemaId === '' ? `s-${randomBytes(8).toString('hex')}` : schemaId}`
        parseSchemaName(name)
        access.require(principal, 'pubsub.schemas.create', project)
        const revision = revisionOf(name, await readable(schema))
        await state.write(() => {
          if (schemas.exists(name))
            throw new ApiError(
              'ALREADY_EXISTS',
              `Resource already exists in the project (resource=${schemaId}).`,
            )
          schemas.insert(revision)
        })
        return revision
      },

      GetSchema({name = '', view}: NameRequest, call: Call) {
        permitted(name, call, 'get')
        return viewed(view === 'BASIC' ? view : 'FULL', schemas.get(name))
      },

      ListSchemas(request: {parent?: string; view?: string} & PageRequest, {principal}: Call) {
        const project = checkProjectName(request.parent)
        access.require(principal, 'pubsub.schemas.list', project)
        const {items, next} = pageByKey(
          request,
          PAGE,
          (after, limit) => schemas.list(project, after, limit),
          ({name}) => name,
        )
        return {schemas: items.map((each) => viewed(request.view, each)), ...next}
      },

      ListSchemaRevisions(request: NameRequest & PageRequest, call: Call) {
        const name = permitted(request.name ?? '', call, 'listRevisions')
        schemas.get(name)
        const {items, next} = pageByOffset(request, PAGE, (limit, offset) =>
          schemas.revisions(name).slice(offset, offset + limit),
        )
        return {schemas: items.map((each) => viewed(request.view, each)), ...next}
      },

      async CommitSchema({name: given = '', schema = {}}: {name?: string; schema?: Definition}, call: Call) {
        const name = permitted(given, call, 'commit')
        const revision = revisionOf(name, await readable(schema))
        return state.write(() => {
          const {type} = schemas.get(name)
          if (type !== revision.type)
            throw new ApiError('INVALID_ARGUMENT', `The type of ${name} is ${type} and cannot be changed.`)
          schemas.insert(revision)
          return revision
        })
      },

      RollbackSchema({name: given = '', revisionId = ''}: {name?: string; revisionId?: string}, call: Call) {
        const name = permitted(given, call, 'rollback')
        return state.write(() => {
          const {type, definition} = schemas.get(`${name}@${revisionId}`)
          const revision = revisionOf(name, {type, definition})
          schemas.insert(revision)
          return revision
        })
      },

      DeleteSchemaRevision({name = '', revisionId = ''}: {name?: string; revisionId?: string}, call: Call) {
        const schema = permitted(name, call, 'delete')
        const [, id = revisionId] = name.split('@')
        return state.write(() => {
          const revision = schemas.get(`${schema}@${id}`)
          if (schemas.revisions(schema).length === 1)
            throw new ApiError(
              'FAILED_PRECONDITION',
              'The only revision of a schema cannot be deleted; delete the schema.',
            )
          schemas.removeRevision(revision)
          return schemas.get(schema)
        })
      },

      DeleteSchema({name: given = ''}: NameRequest, call: Call) {
        const name = permitted(given, call, 'delete')
        return state.write(() => {
          schemas.get(name)
          schemas.remove(name)
          resources.detachSchema(name)
          access.dropPolicy(name)
          return {}
        })
      },

      async ValidateSchema({parent, schema = {}}: {parent?: string; schema?: Definition}, {principal}: Call) {
        access.require(principal, 'pubsub.schemas.validate', checkProjectName(parent))
        await readable(schema)
        return {}
      },

      async ValidateMessage(
        {
          parent,
          name,
          schema,
          message = '',
          encoding,
        }: {parent?: string; name?: string; schema?: Definition; message?: string; encoding?: string},
        call: Call,
      ) {
        access.require(call.principal, 'pubsub.schemas.validate', checkProjectName(parent))
        if (name !== undefined) permitted(name, call, 'get')
        const {type, definition} = name === undefined ? await readable(schema ?? {}) : schemas.get(name)
        const check = await readDefinition(type, definition)
        try {
          check(Buffer.from(message, 'base64'), encoding === 'BINARY' ? 'BINARY' : 'JSON')
        } catch (error) {
          throw new ApiError(
            'INVALID_ARGUMENT',
            `Invalid data in message: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
        return {}
      },
    },
  }
}
