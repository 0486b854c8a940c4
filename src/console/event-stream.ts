import {randomUUID} from 'node:crypto'
import type {IncomingMessage, ServerResponse} from 'node:http'
import type {AsJson, Events} from './api.ts'

/** Sent events that are kept for a page that reconnects: so many, so large, so old. */
const MOST_EVENTS = 2000
const MOST_BYTES = 8 * 1024 * 1024
const MOST_AGE_MS = 3600_000
/** A page that reads slower than this is disconnected; it resumes where it was. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024
/** Proxies and browsers drop silent connections. */
const HEARTBEAT_MS = 15_000

interface Sent {
  readonly number: number
  readonly kind: keyof Events
  readonly text: string
  /** Milliseconds since 1970. */
  readonly at: number
}

interface Reader {
  readonly response: ServerResponse
  readonly wantsLogs: boolean
}

/**
 * One stream of server-sent events, resumed by `Last-Event-ID`
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). Ids are `<epoch>.<number>`: a restarted console has
 * another epoch.
 */
export class EventStream implements Disposable {
  readonly #epoch = randomUUID().slice(0, 8)
  readonly #readers = new Set<Reader>()
  readonly #changed: (readers: {readonly all: number; readonly ofLogs: number}) => void
  readonly #now: () => number
  readonly #heartbeat: NodeJS.Timeout
  #sent: Sent[] = []
  #bytes = 0
  #number = 0

  /** @param changed called when a page connects or leaves; @param now milliseconds since 1970 */
  constructor(
    changed: (readers: {readonly all: number; readonly ofLogs: number}) => void,
    now: () => number = Date.now,
  ) {
    this.#changed = changed
    this.#now = now
    this.#heartbeat = setInterval(() => {
      for (const {response} of this.#readers) response.write(': \n\n')
    }, HEARTBEAT_MS).unref()
  }

  /** @param json of the event's data */
  send<K extends keyof Events>(kind: K, data: AsJson<Events[K]>): void {
    const number = ++this.#number
    const text = this.#textOf(kind, JSON.stringify(data), number)
    this.#sent.push({number, kind, text, at: this.#now()})
    this.#bytes += text.length
    this.#forget()
    for (const reader of this.#readers) write(reader, kind, text)
  }

  /**
   * Answers a request with the stream: what was sent after its `Last-Event-ID`; without one, what `first` holds.
   * @param first the current state, by event
   */
  attach(
    request: IncomingMessage,
    response: ServerResponse,
    {
      wantsLogs,
      first,
    }: {readonly wantsLogs: boolean; readonly first: readonly (readonly [keyof Events, unknown])[]},
  ): void {
    response.writeHead(200, {'content-type': 'text/event-stream', 'cache-control': 'no-store'})
    const reader = {response, wantsLogs}
    const missed = this.#missedSince(request.headers['last-event-id'])
    if (missed === undefined) {
      if (request.headers['last-event-id'] !== undefined) response.write(this.#textOf('reset', '{}'))
      for (const [kind, data] of first) response.write(this.#textOf(kind, JSON.stringify(data)))
    } else for (const {kind, text} of missed) write(reader, kind, text)
    this.#readers.add(reader)
    this.#countReaders()
    response.on('close', () => {
      this.#readers.delete(reader)
      this.#countReaders()
    })
  }

  #forget(): void {
    const since = this.#now() - MOST_AGE_MS
    while (
      this.#sent.length > MOST_EVENTS ||
      this.#bytes > MOST_BYTES ||
      (this.#sent[0]?.at ?? since) < since
    )
      this.#bytes -= this.#sent.shift()?.text.length ?? 0
  }

  /** @returns `undefined` if the events are no longer known, or of another run of the console */
  #missedSince(id: string | string[] | undefined): readonly Sent[] | undefined {
    const [, epoch, number] = /^(\w+)\.(\d+)$/.exec(String(id)) ?? []
    this.#forget()
    if (epoch !== this.#epoch || Number(number) > this.#number) return undefined
    const oldest = this.#sent[0]?.number ?? this.#number + 1
    if (Number(number) < oldest - 1) return undefined
    return this.#sent.filter((sent) => sent.number > Number(number))
  }

  #textOf(kind: keyof Events, data: string, number = this.#number): string {
    return `id: ${this.#epoch}.${number}\nevent: ${kind}\ndata: ${data}\n\n`
  }

  #countReaders(): void {
    const readers = [...this.#readers]
    this.#changed({all: readers.length, ofLogs: readers.filter(({wantsLogs}) => wantsLogs).length})
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat)
    for (const {response} of this.#readers) response.end()
  }
}

function write({response, wantsLogs}: Reader, kind: keyof Events, text: string): void {
  if (kind === 'logs' && !wantsLogs) return
  response.write(text)
  if (response.writableLength > MOST_UNREAD_BYTES) response.destroy()
}
