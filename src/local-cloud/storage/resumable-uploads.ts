import {DiskFullError} from '../disk-full.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock} from '../wire/clock.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {checkChecksums, checksumsOfHeaders, type Checksums} from './checksums.ts'
import {takeChunks} from './chunks.ts'
import {readContentRange, type ContentRange} from './content-range.ts'
import {StorageError, invalid, invalidChunk} from './errors.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfBlob} from './object-draft.ts'
import type {RenderObject} from './object-resource.ts'
import type {Objects} from './objects.ts'
import {createSessionWriters, type SessionWriter} from './session-writers.ts'
import type {UploadRequest, UploadSession, UploadSessions} from './upload-sessions.ts'

/** Chunks other than the last are multiples of this. */
const CHUNK_UNIT_BYTES = 256 * 1024

/**
 * Resumable uploads: https://cloud.google.com/storage/docs/performing-resumable-uploads
 * What was acknowledged with 308 survives a broken connection and a restart.
 */
export interface ResumableUploads extends AsyncDisposable {
  /** @returns the session's id, to be the query parameter `upload_id` */
  start(request: UploadRequest & {total: number | undefined}): Promise<string>
  /** A chunk, the whole, or a question how far it is. */
  receive(request: HttpRequest): Promise<HttpResponse>
  cancel(request: HttpRequest): Promise<HttpResponse>
}

export function createResumableUploads({
  state,
  clock,
  sessions,
  objects,
  changes,
  render,
}: {
  state: State
  clock: Clock
  sessions: UploadSessions
  objects: Objects
  changes: ObjectChanges
  render: RenderObject
}): ResumableUploads {
  const writers = createSessionWriters({state, clock, sessions})

  /** Runs with the session to itself, as it is then. */
  const withSession = (
    request: HttpRequest,
    work: (session: UploadSession, writer: SessionWriter) => Promise<HttpResponse>,
  ): Promise<HttpResponse> => {
    const id = request.url.searchParams.get('upload_id') ?? ''
    return writers.exclusive(id, request.stream, async (writer) => {
      const session = sessions.find(id)
      if (session === undefined || session.draft.bucket !== request.params['bucket']) {
        throw new StorageError(404, 'notFound', 'No such upload session; begin the upload again.')
      }
      if (session.refusal !== undefined) throw invalidChunk(session.refusal)
      if (session.state === 'cancelled') {
        throw new StorageError(499, 'clientClosedRequest', 'The upload was cancelled; begin it again.')
      }
      return work(session, writer)
    })
  }

  const done = (session: UploadSession): HttpResponse => {
    const {bucket, name, origin} = session.draft
    return {json: render(objects.get(bucket, name, session.generation), origin)}
  }

  const complete = async (session: UploadSession, writer: SessionWriter, expected: Checksums) => {
    const blob = await writer.finish(session)
    try {
      checkChecksums(expected, blob)
      const stored = await changes.store(
        session.draft,
        () => contentOfBlob(blob),
        ({generation}) => sessions.complete(session.id, generation),
      )
      return {json: render(stored, session.draft.origin)}
    } catch (error) {
      // An invalid upload ends; after an internal error it can still be completed.
      if (error instanceof ApiError) {
        await state.write(() => sessions.cancel(session.id))
        await state.blobs.remove(blob.id)
      }
      throw error
    }
  }

  return {
    async start(request) {
      const {id, expired} = await state.write(() => sessions.insert(request))
      for (const blob of expired) await state.blobs.remove(blob)
      return id
    },

    receive: (request) =>
      withSession(request, async (session, writer) => {
        if (session.state === 'done') return done(session)
        const range = readContentRange(request.headers['content-range'])
        const total = agreedTotal(session, range)
        if (total !== session.total && total !== undefined) {
          await state.write(() => sessions.setTotal(session.id, total))
        }
        const before = await writer.received(session)
        try {
          let ended = false
          if (range.kind === 'bytes') {
            const plan = planOf(range, total, before, request.headers['content-length'])
            await append(request, session, writer, plan)
            ended = plan.last && total === undefined
          }
          const received = await writer.received(session)
          if (!ended && received !== total)
            return progress(received, request.headers['x-guploader-no-308'] === 'yes')
          return await complete(session, writer, {
            ...session.checksums,
            ...checksumsOfHeaders(request.headers),
          })
        } catch (error) {
          // A sender that gives up must not leave a full disk behind; these bytes were never acknowledged.
          if (error instanceof DiskFullError) await writer.cut(session.id, before)
          // Google's upload URL cannot be used after a chunk that is too short.
          if (error instanceof StorageError && error.isText) {
            await state.write(() => sessions.cancel(session.id, error.message))
            await writer.discard(session)
          }
          throw error
        }
      }),

    cancel: (request) =>
      withSession(request, async (session, writer) => {
        if (session.state === 'done') return done(session)
        await state.write(() => sessions.cancel(session.id))
        await writer.discard(session)
        return {status: 499}
      }),

    [Symbol.asyncDispose]: () => writers[Symbol.asyncDispose](),
  }
}

/** @param without308 whether the client wants another status, since 308 now means a redirect in HTTP: Go's does */
function progress(received: number, without308: boolean): HttpResponse {
  const range = received > 0 ? {range: `bytes=0-${received - 1}`} : undefined
  return without308
    ? {status: 200, headers: {'x-http-status-code-override': '308', ...range}}
    : {status: 308, headers: range ?? {}}
}

/** @throws StorageError 400 if the total length differs from the declared one */
function agreedTotal(session: UploadSession, range: ContentRange): number | undefined {
  if (range.total !== undefined && session.total !== undefined && range.total !== session.total) {
    throw invalid(
      `Invalid request. The total length ${range.total} in Content-Range is not the ${session.total} of this upload.`,
    )
  }
  return range.total ?? session.total
}

/** Which bytes of a body are kept; offsets in the whole. */
interface AppendPlan {
  readonly start: number
  /** Offset after the last byte that the body has, if that is known. */
  readonly end: number | undefined
  /** Offset after the last byte to be kept. */
  readonly keepUntil: number
  /** No more bytes follow this body. */
  readonly last: boolean
}

/** @throws StorageError 400 */
function planOf(
  range: Extract<ContentRange, {kind: 'bytes'}>,
  total: number | undefined,
  received: number,
  contentLength: string | undefined,
): AppendPlan {
  const {start} = range
  if (start > received) {
    throw invalid(
      `Invalid request. According to the Content-Range header, the upload offset is ${start} byte(s), ` +
        `which exceeds already uploaded size of ${received} byte(s).`,
    )
  }
  if (range.end === undefined)
    return {start, end: undefined, keepUntil: total ?? Number.MAX_SAFE_INTEGER, last: true}
  const end = range.end + 1
  if (contentLength !== undefined && Number(contentLength) !== end - start) {
    throw invalid(
      `Invalid request. The body has ${contentLength} byte(s), its Content-Range says ${end - start}.`,
    )
  }
  if (total !== undefined && end > total) {
    throw invalid(`Invalid request. The Content-Range ends at ${end}, beyond the total length ${total}.`)
  }
  const last = end === total
  if (!last && end - start < CHUNK_UNIT_BYTES) {
    throw invalidChunk(
      `Invalid request.  The number of bytes uploaded is required to be equal or greater than ${CHUNK_UNIT_BYTES}, ` +
        `except for the final request (it's recommended to be the exact multiple of ${CHUNK_UNIT_BYTES}).  ` +
        `The received request contained ${end - start} bytes, which does not meet this requirement.`,
    )
  }
  // Google keeps whole units only; a client that ignores the Range in the answer is to fail here as it does there.
  return {start, end, keepUntil: last ? end : end - (end % CHUNK_UNIT_BYTES), last}
}

/**
 * Writes what is new of the body. What came before a break of the connection is kept.
 * @throws StorageError 400 if the body is longer or shorter than declared
 */
async function append(
  request: HttpRequest,
  session: UploadSession,
  writer: SessionWriter,
  plan: AppendPlan,
): Promise<void> {
  const file = await writer.open(session)
  let position = plan.start
  try {
    await takeChunks(request.stream, (chunk) => {
      const from = Math.max(0, file.sizeBytes - position)
      const to = Math.min(chunk.length, plan.keepUntil - position)
      position += chunk.length
      const writing = to > from ? file.write(chunk.subarray(from, to)) : undefined
      if (position > (plan.end ?? plan.keepUntil)) {
        throw invalid('Invalid request. The body is longer than its headers say.')
      }
      return writing
    })
  } finally {
    await writer.sync()
  }
  if (position < (plan.end ?? 0) || (plan.last && position < file.sizeBytes)) {
    throw invalid('Invalid request. The body is shorter than its headers say.')
  }
}
