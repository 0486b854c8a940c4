import {bytesOf, type Connection} from './connection.ts'

/** Fields of an object that its copy keeps: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
const KEPT_FIELDS = [
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
  'cacheControl',
  'customTime',
  'storageClass',
] as const

/** A copy within Cloud Storage. */
export interface Copy {
  /** Path and query of the source's metadata. */
  readonly source: string
  /** Path of the rewrite. */
  readonly rewrite: string
  readonly query: URLSearchParams
  /** Added to the source's custom metadata. */
  readonly metadata: Readonly<Record<string, string>>
  readonly what: string
}

/**
 * Copies an object without its bytes passing through here. A request that gives any metadata replaces all of it, so
 * the source's is read first; a large object may take several requests, each with the token of the one before.
 * https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
 */
export async function copyObject(
  connection: Connection,
  {source, rewrite, query, metadata, what}: Copy,
): Promise<void> {
  const read = async (request: Parameters<Connection['send']>[0]): Promise<Record<string, unknown>> =>
    Object(JSON.parse((await bytesOf(await connection.send(request))).toString('utf8')))
  const original = await read({method: 'GET', path: source, what})
  const resource = {
    ...Object.fromEntries(
      KEPT_FIELDS.flatMap((field) => (original[field] === undefined ? [] : [[field, original[field]]])),
    ),
    metadata: {...Object(original['metadata']), ...metadata},
  }
  let rewriteToken: unknown
  do {
    const more = typeof rewriteToken === 'string' ? {rewriteToken} : {}
    const answer = await read({
      method: 'POST',
      path: `${rewrite}?${new URLSearchParams([...query, ...Object.entries(more)]).toString()}`,
      headers: {'content-type': 'application/json; charset=UTF-8'},
      body: [Buffer.from(JSON.stringify(resource))],
      what,
      copies: true,
    })
    rewriteToken = answer['done'] === true ? undefined : answer['rewriteToken']
  } while (rewriteToken !== undefined)
}
