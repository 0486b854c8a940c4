import {randomUUID} from 'node:crypto'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {Checksums} from './checksums.ts'
import type {ObjectDraft} from './object-draft.ts'
import {optionalInteger, optionalText, storedJson, text, type Row} from '../state/rows.ts'

/** What the request that started a resumable upload specified. */
export interface UploadRequest {
  readonly draft: ObjectDraft
  readonly checksums: Checksums
}

/** A resumable upload as it is kept. */
export interface UploadSession extends UploadRequest {
  readonly id: string
  readonly state: 'open' | 'done' | 'cancelled'
  /** The bytes so far; absent before the first. */
  readonly blob: string | undefined
  /** Length of the whole in bytes, once it is known. */
  readonly total: number | undefined
  /** The object that came of it. */
  readonly generation: number | undefined
  /** What a chunk was told that ended it. */
  readonly refusal: string | undefined
}

/** "A session URI expires after one week." https://cloud.google.com/storage/docs/resumable-uploads#session-uris */
const SESSION_LIFE_MS = 7 * 24 * 60 * 60 * 1000

/** The rows of resumable uploads. What changes them is called inside a `State.write`. */
export interface UploadSessions {
  find(id: string): UploadSession | undefined
  /** Also forgets sessions whose week is over. @returns the id, and the blobs of those forgotten */
  insert(request: UploadRequest & {total: number | undefined}): {id: string; expired: string[]}
  setBlob(id: string, blob: string): void
  setTotal(id: string, total: number): void
  complete(id: string, generation: number): void
  /** @param refusal what any later request gets to hear */
  cancel(id: string, refusal?: string): void
  /** Cancels what is under way into a deleted bucket. */
  cancelOfBucket(bucket: string): void
  /** Whether an unfinished upload has these bytes. */
  refersTo(blob: string): boolean
}

export function createUploadSessions({state, clock}: {state: State; clock: Clock}): UploadSessions {
  const {database} = state
  const select = database.prepare('SELECT * FROM storage_uploads WHERE id = ?')
  const insert = database.prepare(
    `INSERT INTO storage_uploads (id, bucket, time_created, state, total, draft) VALUES (?, ?, ?, 'open', ?, ?)`,
  )
  const removeBefore = database.prepare(
    'DELETE FROM storage_uploads WHERE time_created < ? RETURNING blob, state',
  )
  const setBlob = database.prepare('UPDATE storage_uploads SET blob = ? WHERE id = ?')
  const setTotal = database.prepare('UPDATE storage_uploads SET total = ? WHERE id = ?')
  const complete = database.prepare(
    `UPDATE storage_uploads SET state = 'done', blob = NULL, generation = ? WHERE id = ?`,
  )
  const cancel = database.prepare(
    `UPDATE storage_uploads SET state = 'cancelled', blob = NULL, draft = json_set(draft, '$.refusal', ?) WHERE id = ?`,
  )
  const cancelOfBucket = database.prepare(
    `UPDATE storage_uploads SET state = 'cancelled', blob = NULL WHERE bucket = ? AND state = 'open'`,
  )
  const selectReference = database.prepare('SELECT 1 FROM storage_uploads WHERE blob = ?')

  return {
    find(id) {
      const row = select.get(id)
      return row === undefined ? undefined : sessionOfRow(row)
    },
    insert({draft, checksums, total}) {
      const expired = removeBefore
        .all(clock.now() - SESSION_LIFE_MS)
        .flatMap((row) => optionalText(row, 'blob') ?? [])
      const id = randomUUID()
      insert.run(id, draft.bucket, clock.now(), total ?? null, JSON.stringify({draft, checksums}))
      return {id, expired}
    },
    setBlob: (id, blob) => void setBlob.run(blob, id),
    setTotal: (id, total) => void setTotal.run(total, id),
    complete: (id, generation) => void complete.run(generation, id),
    cancel: (id, refusal) => void cancel.run(refusal ?? null, id),
    cancelOfBucket: (bucket) => void cancelOfBucket.run(bucket),
    refersTo: (blob) => selectReference.get(blob) !== undefined,
  }
}

function sessionOfRow(row: Row): UploadSession {
  const state = text(row, 'state')
  const request = storedJson<UploadRequest & {refusal?: string | null}>(row, 'draft')
  return {
    id: text(row, 'id'),
    state: state === 'open' || state === 'done' ? state : 'cancelled',
    blob: optionalText(row, 'blob'),
    total: optionalInteger(row, 'total'),
    generation: optionalInteger(row, 'generation'),
    draft: request.draft,
    checksums: request.checksums,
    refusal: request.refusal ?? undefined,
  }
}
