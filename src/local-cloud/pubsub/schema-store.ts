import {storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import {notFound, parseSchemaName} from './names.ts'
import {type Encoding, type MessageCheck, readDefinition, type SchemaType} from './schema-formats.ts'
import type {NewMessage} from './publishing.ts'

const CHECKS_KEPT = 100

/** What a topic's messages must be. */
export interface SchemaSettings {
  readonly schema?: string
  readonly encoding?: string
  readonly firstRevisionId?: string
  readonly lastRevisionId?: string
}

/** A revision: google.pubsub.v1.Schema in JSON. */
export interface SchemaRevision {
  readonly name: string
  readonly type: SchemaType
  readonly definition: string
  readonly revisionId: string
  readonly revisionCreateTime: string
}

/** The revisions of schemas. What changes them is called inside a `State.write`. */
export interface SchemaStore {
  /** The newest revision, or with `@REVISION` at the end that one. @throws ApiError NOT_FOUND */
  get(name: string): SchemaRevision
  exists(name: string): boolean
  /** The newest revision of each schema of `projects/P`, by name. */
  list(project: string, after: string, limit: number): SchemaRevision[]
  /** Newest first. */
  revisions(name: string): SchemaRevision[]
  insert(revision: SchemaRevision): void
  /** Deletes a revision; topics that begin or end with it allow what is left between their bounds. */
  removeRevision(revision: SchemaRevision): void
  remove(name: string): void
  /** @throws ApiError INVALID_ARGUMENT for incomplete or contradictory settings, NOT_FOUND for a missing schema */
  checkSettings(settings: SchemaSettings): void
  /**
   * The messages with what Google adds to say their schema:
   * https://cloud.google.com/pubsub/docs/schemas#subscribe-messages
   * @throws ApiError INVALID_ARGUMENT if one fits none of the revisions that the settings allow
   */
  checked(settings: SchemaSettings, messages: readonly NewMessage[]): Promise<NewMessage[]>
}

export function createSchemaStore({database}: State): SchemaStore {
  const select = database.prepare(
    'SELECT revision, deleted FROM pubsub_schemas WHERE name = ? ORDER BY id DESC',
  )
  const selectPage = database.prepare(
    `SELECT revision, max(id) FROM pubsub_schemas WHERE name > ? AND name >= ? AND name < ? AND NOT deleted
     GROUP BY name ORDER BY name LIMIT ?`,
  )
  const insert = database.prepare('INSERT INTO pubsub_schemas (name, revision_id, revision) VALUES (?, ?, ?)')
  const removeRevision = database.prepare(
    'UPDATE pubsub_schemas SET deleted = 1 WHERE name = ? AND revision_id = ?',
  )
  const remove = database.prepare('DELETE FROM pubsub_schemas WHERE name = ?')
  /** By definition: they never change. */
  const checks = new Map<string, Promise<MessageCheck>>()

  const everyRevision = (name: string): {revision: SchemaRevision; isDeleted: boolean}[] =>
    select.all(name).map((row) => ({
      revision: storedJson<SchemaRevision>(row, 'revision', 'name', 'definition'),
      isDeleted: row['deleted'] === 1,
    }))
  const revisions = (name: string): SchemaRevision[] =>
    everyRevision(name).flatMap(({revision, isDeleted}) => (isDeleted ? [] : [revision]))

  const get = (name: string): SchemaRevision => {
    const [schema = '', id] = name.split('@')
    const found = revisions(schema).find(({revisionId}) => id === undefined || revisionId === id)
    if (found === undefined) throw notFound(name)
    return found
  }

  const checkOf = ({type, definition}: SchemaRevision): Promise<MessageCheck> => {
    const key = `${type} ${definition}`
    const known = checks.get(key)
    if (known !== undefined) return known
    const check = readDefinition(type, definition)
    if (checks.size >= CHECKS_KEPT) checks.clear()
    checks.set(key, check)
    check.catch(() => checks.delete(key))
    return check
  }

  /** Those that a topic allows, newest first, without the deleted ones between its bounds or at them. */
  const allowed = ({schema = '', firstRevisionId, lastRevisionId}: SchemaSettings): SchemaRevision[] => {
    const all = everyRevision(schema)
    const at = (id: string | undefined, otherwise: number): number =>
      id === undefined ? otherwise : all.findIndex(({revision}) => revision.revisionId === id)
    return all
      .slice(at(lastRevisionId, 0), at(firstRevisionId, all.length - 1) + 1)
      .flatMap(({revision, isDeleted}) => (isDeleted ? [] : [revision]))
  }

  return {
    get,
    exists: (name) => revisions(name).length > 0,
    list: (project, after, limit) =>
      selectPage
        .all(after, `${project}/`, `${project}0`, limit)
        .map((row) => storedJson<SchemaRevision>(row, 'revision', 'name', 'definition')),
    revisions,
    insert: (revision) => void insert.run(revision.name, revision.revisionId, JSON.stringify(revision)),
    removeRevision: ({name, revisionId}) => void removeRevision.run(name, revisionId),
    remove: (name) => void remove.run(name),
    checkSettings(settings) {
      const {schema = '', encoding, firstRevisionId, lastRevisionId} = settings
      if (schema === '' || !isEncoding(encoding))
        throw new ApiError(
          'INVALID_ARGUMENT',
          'schema_settings must name a schema and the encoding JSON or BINARY.',
        )
      // A name without a revision, which first_revision_id and last_revision_id choose.
      parseSchemaName(schema)
      for (const id of [undefined, firstRevisionId, lastRevisionId])
        get(id === undefined ? schema : `${schema}@${id}`)
      if (allowed(settings).length === 0)
        throw new ApiError(
          'INVALID_ARGUMENT',
          `schema_settings allow no revision: first_revision_id ${firstRevisionId} is newer than last_revision_id ${lastRevisionId}.`,
        )
    },
    async checked(settings, messages) {
      const {schema = '', encoding} = settings
      const candidates = await Promise.all(
        allowed(settings).map(async (revision) => ({revision, check: await checkOf(revision)})),
      )
      if (!isEncoding(encoding) || candidates.length === 0)
        throw new ApiError(
          'FAILED_PRECONDITION',
          "The topic's schema, or every revision of it that the topic allows, was deleted.",
        )
      return messages.map((message) => {
        const data = Buffer.from(message.data ?? '', 'base64')
        const fitting = candidates.find(({check}) => fits(check, data, encoding))
        if (fitting === undefined)
          throw new ApiError(
            'INVALID_ARGUMENT',
            `Invalid data in message: Message failed schema validation (schema=${schema}, encoding=${encoding}).`,
          )
        const attributes = {
          ...message.attributes,
          googclient_schemaname: schema,
          googclient_schemaencoding: encoding,
          googclient_schemarevisionid: fitting.revision.revisionId,
        }
        return {...message, attributes}
      })
    },
  }
}

function isEncoding(value: unknown): value is Encoding {
  return value === 'JSON' || value === 'BINARY'
}

function fits(check: MessageCheck, data: Buffer, encoding: Encoding): boolean {
  try {
    check(data, encoding)
    return true
  } catch {
    return false
  }
}
