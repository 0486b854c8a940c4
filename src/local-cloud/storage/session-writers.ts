import type {Readable} from 'node:stream'
import type {BlobInfo, BlobWriter} from '../state/blobs.ts'
import type {State} from '../state/state.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {UploadSession, UploadSessions} from './upload-sessions.ts'

/** How long the file of an upload stays open between two requests; opening it again means hashing it again. */
const IDLE_MS = 60_000

/** The file behind one upload session, for who has the session to itself. */
export interface SessionWriter {
  /** Bytes that are there. */
  received(session: UploadSession): Promise<number>
  /** The writer, created if there is none yet. */
  open(session: UploadSession): Promise<BlobWriter>
  /**
   * Makes what was written durable. If that fails the file is closed: the next `received` reports its contents.
   * @throws what writing or syncing threw
   */
  sync(): Promise<void>
  /** Ends the file. Where that fails, the same can be asked of the session again. */
  finish(session: UploadSession): Promise<BlobInfo>
  /** Keeps the first `sizeBytes` and gives the room of the others back. */
  cut(id: string, sizeBytes: number): Promise<void>
  /** Removes the bytes. */
  discard(session: UploadSession): Promise<void>
}

/** Keeps the files of resumable uploads open between requests, and requests to one session apart. */
export interface SessionWriters extends AsyncDisposable {
  /**
   * Runs `work` when no other request of that session is in progress. One that still is gets interrupted: its
   * sender has started again.
   */
  exclusive<T>(id: string, stream: Readable, work: (writer: SessionWriter) => Promise<T>): Promise<T>
}

/** A session that requests are at, or whose file is open. */
interface Slot {
  writer: BlobWriter | undefined
  /** Requests in progress and waiting. */
  users: number
  last: Promise<unknown>
  interrupt: (() => void) | undefined
  idle: Timer | undefined
}

export function createSessionWriters({
  state,
  clock,
  sessions,
}: {
  state: State
  clock: Clock
  sessions: UploadSessions
}): SessionWriters {
  const {blobs} = state
  const slots = new Map<string, Slot>()

  /** Resumes a session's bytes. `undefined` if there are none. */
  const resume = async ({blob}: UploadSession): Promise<BlobWriter | undefined> =>
    blob === undefined ? undefined : blobs.resume(blob)

  const create = async (session: UploadSession): Promise<BlobWriter> => {
    const writer = await blobs.create()
    try {
      await state.write(() => sessions.setBlob(session.id, writer.id))
    } catch (error) {
      await writer.discard()
      throw error
    }
    return writer
  }

  const sync = async (slot: Slot): Promise<void> => {
    const {writer} = slot
    try {
      await writer?.sync()
    } catch (error) {
      slot.writer = undefined
      await writer?.close().catch(() => undefined)
      throw error
    }
  }

  const open = async (slot: Slot, session: UploadSession): Promise<BlobWriter> =>
    (slot.writer ??= (await resume(session)) ?? (await create(session)))

  const writerOf = (slot: Slot): SessionWriter => ({
    async received(session) {
      if (slot.writer === undefined) {
        slot.writer = await resume(session)
        // Whatever is reported is durable, even bytes received before a failure.
        await sync(slot)
      }
      return slot.writer?.sizeBytes ?? 0
    },
    open: (session) => open(slot, session),
    sync: () => sync(slot),
    async finish(session) {
      const writer = await open(slot, session)
      slot.writer = undefined
      return writer.finish()
    },
    async cut(id, sizeBytes) {
      const {writer} = slot
      slot.writer = undefined
      await writer?.close().catch(() => undefined)
      const blob = sessions.find(id)?.blob
      if (blob === undefined) return
      if (sizeBytes === 0) await blobs.remove(blob)
      else await blobs.cut(blob, sizeBytes)
    },
    async discard(session) {
      const {writer} = slot
      slot.writer = undefined
      if (writer) await writer.discard()
      else if (session.blob !== undefined) await blobs.remove(session.blob)
    },
  })

  const leave = (id: string, slot: Slot): void => {
    slot.users -= 1
    slot.interrupt = undefined
    if (slot.users > 0) return
    const {writer} = slot
    if (writer === undefined) {
      slots.delete(id)
      return
    }
    slot.idle = clock.after(IDLE_MS, () => {
      slots.delete(id)
      // Everything in it was written and synced; a failing close loses nothing.
      writer.close().catch(() => undefined)
    })
  }

  return {
    async exclusive(id, stream, work) {
      const slot: Slot = slots.get(id) ?? {
        writer: undefined,
        users: 0,
        last: Promise.resolve(),
        interrupt: undefined,
        idle: undefined,
      }
      slots.set(id, slot)
      slot.users += 1
      slot.idle?.clear()
      slot.interrupt?.()
      const previous = slot.last
      const {promise, resolve} = Promise.withResolvers<void>()
      slot.last = promise
      await previous
      slot.interrupt = () => stream.destroy()
      try {
        return await work(writerOf(slot))
      } finally {
        leave(id, slot)
        resolve()
      }
    },

    async [Symbol.asyncDispose]() {
      for (const slot of slots.values()) {
        slot.interrupt?.()
        slot.idle?.clear()
        await slot.last
        slot.idle?.clear()
        // Everything in it was written and synced; a failing close loses nothing.
        await slot.writer?.close().catch(() => undefined)
      }
      slots.clear()
    },
  }
}
