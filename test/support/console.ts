import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {onTestFinished} from 'vitest'
import {failureOf} from '../../src/cli/failure.ts'
import {serveConsole} from '../../src/console/server.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import type {Context} from '../../src/core/ports/context.ts'
import {NOTHING_TYPED, render} from '../../src/core/suggestion.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {parseObject} from './cli.ts'
import {expectDescribed, expectDescribedEvent} from './openapi.ts'

/** A console of the running test's own. */
export interface TestConsole {
  /** With the token in its fragment. */
  readonly address: string
  readonly origin: string
  /** Requests a path of the API with the token; the answer must be as described. @returns status and JSON */
  readonly ask: (
    method: 'GET' | 'POST',
    path: string,
    body?: string,
  ) => Promise<{readonly status: number; readonly json: unknown}>
  /** Opens the stream of events. */
  readonly listen: () => Promise<EventReader>
}

/** Reads events as they arrive. */
export interface EventReader {
  /** The next event of a kind that fits. */
  next(kind: string, fits?: (data: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  /** The first fix that fits, as the console reports it. */
  fix(fits: (progress: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
}

export async function startConsole(
  context: Context & {readonly endpoint: string},
  port = 0,
  isProtected = false,
): Promise<TestConsole & AsyncDisposable> {
  const served = await serveConsole({
    port,
    context,
    render,
    isProtected,
    now: Date.now,
    explain: (error) => failureOf(error, {bin: 'cloud-runner', typed: NOTHING_TYPED}),
    version: 'test',
    async requests(after) {
      const answer = await fetch(`${context.endpoint}/_local-cloud/requests?after=${after}`)
      const {requests} = parseObject(await answer.text())
      return Array.isArray(requests) ? requests : []
    },
  })
  let isOver = false
  const end = async () => {
    if (!isOver) await served[Symbol.asyncDispose]()
    isOver = true
  }
  onTestFinished(end)
  const {origin, hash} = new URL(served.address)
  const token = new URLSearchParams(hash.slice(1)).get('token') ?? ''
  const headers = {authorization: `Bearer ${token}`}
  return {
    address: served.address,
    origin,
    async ask(method, path, body) {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : {body}),
      })
      const {status} = response
      const json: unknown = await response.json()
      expectDescribed(method, path, status, json)
      return {status, json}
    },
    async listen() {
      const {body} = await fetch(`${origin}/api/events`, {headers})
      const text = body?.pipeThrough(new TextDecoderStream())
      return eventsIn(text ?? new ReadableStream())
    },
    [Symbol.asyncDispose]: end,
  }
}

function eventsIn(text: ReadableStream<string>): EventReader {
  const reader = text.getReader()
  let left = ''
  const events: EventReader = {
    async fix(fits) {
      const isFit = (progress: unknown) => fits({...Object(progress)})
      const kept = await events.next('fixes', (all) => Object.values(all).some(isFit))
      return {...Object(Object.values(kept).find(isFit))}
    },
    async next(kind, fits = () => true) {
      for (;;) {
        const [event, ...others] = left.split('\n\n')
        if (event !== undefined && others.length > 0) {
          left = others.join('\n\n')
          const [, name, json] = /^event: (.*)\ndata: (.*)$/m.exec(event) ?? []
          if (name === undefined || json === undefined) continue
          expectDescribedEvent(name, JSON.parse(json))
          const data = parseObject(json)
          if (name === kind && fits(data)) return data
          continue
        }
        const {done, value} = await reader.read()
        if (done) throw new Error(`The stream ended without an event ${kind}.`)
        left += value
      }
    },
  }
  return events
}

/** Uploads files by name and content, and waits until each has ended. */
export async function processed(
  files: Readonly<Record<string, string>>,
  context: Context & {readonly folder: string},
): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(context.folder, name), content)
  const planned = await planUpload({sources: Object.keys(files), cwd: context.folder})
  const {uploaded} = await upload(planned, {}, context)
  await waitForResults(uploaded, {timeoutMs: 60_000}, context)
}
