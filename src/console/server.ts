import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http'
import {AppError} from '../core/errors.ts'
import type {Context} from '../core/ports/context.ts'
import {readReport} from '../core/report.ts'
import {command, suggest, synopsis, type Render} from '../core/suggestion.ts'
import {codeOf} from '../core/system-error.ts'
import {createAdmission, type Admission} from './admission.ts'
import type {Problem} from './api.ts'
import {lineOf} from './commands.ts'
import {EventStream} from './event-stream.ts'
import {Fixes} from './fixes.ts'
import {LogFollower} from './follow-logs.ts'
import {answerWithPage, readDescription} from './page-files.ts'
import type {ReadRequests} from './requests.ts'
import {apiRoutes, type Routes} from './routes.ts'
import {announce} from './running.ts'
import {tellStory} from './story.ts'
import {Watch} from './watch.ts'

const EVENTS_PATH = '/api/events'
const HEADERS = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
] as const
/** Codes of errors about what does not exist. */
const ABSENT = new Set(['object-unknown', 'not-found', 'revision-unknown', 'result-missing'])
/** A report's page carries its own style and no script. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"

export interface ConsoleOptions {
  /** 0: any free port. */
  readonly port: number
  readonly context: Context
  readonly render: Render
  /** Whether traffic may be moved only by a command that asks for the pipeline's name. */
  readonly isProtected: boolean
  /** The cloud's time, in milliseconds since the epoch. */
  readonly now: () => number
  /** Any thrown value as the page shows it. */
  readonly explain: (error: unknown) => Problem
  readonly version: string
  /** On the local target. */
  readonly requests: ReadRequests | undefined
}

/** A console that serves its page. */
export interface RunningConsole extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/`, with the token in its fragment. */
  readonly address: string
}

/** Serves the console on this machine alone. @throws AppError `port-taken` */
export async function serveConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const server = createServer()
  const port = await listen(server, options.port)
  const token = randomBytes(32).toString('base64url')
  const admission = createAdmission(port, token)
  const origin = `http://127.0.0.1:${port}`
  const site = createSite(admission, origin, options)
  server.on('request', (message, response) => {
    for (const [name, value] of HEADERS) response.setHeader(name, value)
    void site.answer(message, response)
  })
  const address = `${origin}/#token=${token}`
  const announcement = await announce(address, options.context)
  return {
    address,
    async [Symbol.asyncDispose]() {
      await announcement[Symbol.asyncDispose]()
      const closed = once(server, 'close')
      server.close()
      await site[Symbol.asyncDispose]()
      server.closeAllConnections()
      await closed
    },
  }
}

async function listen(server: Server, port: number): Promise<number> {
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch (error) {
    const isTaken = codeOf(error) === 'EADDRINUSE'
    throw new AppError(`Port ${port} ${isTaken ? 'is taken' : 'may not be used: it is reserved'}.`, {
      code: 'port-taken',
      suggestions: [suggest`Use any free port: ${command('console')}`],
      cause: error,
    })
  }
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a port')
  return address.port
}

interface Site extends AsyncDisposable {
  answer(message: IncomingMessage, response: ServerResponse): Promise<void>
}

function createSite(admission: Admission, origin: string, options: ConsoleOptions): Site {
  const {context, render, explain, version, isProtected, now, requests} = options
  const events = new EventStream(({all, ofLogs}) => {
    watch.isWatched = all > 0
    follower.isWanted = ofLogs > 0
  })
  const watch = new Watch({context, events, render, explain})
  const follower = new LogFollower(context, (lines) => events.send('logs', lines))
  const fixes = new Fixes({
    context,
    files: watch.files,
    render,
    explain,
    changed: (kept) => {
      events.send('fixes', kept)
      if (kept.every(({state}) => state !== 'running')) void watch.readNow()
    },
  })
  const withKey = (path: string) => `${path}?key=${admission.keyOf(path)}`
  const commands = {
    console: lineOf(command('console'), render),
    setup: lineOf(command('setup'), render),
    upload: lineOf(synopsis('upload', 'FILE'), render),
  }
  const routes: Routes = {
    'GET /api/session': () => ({eventsPath: withKey(EVENTS_PATH), version, commands}),
    'GET /api/openapi.json': () => readDescription(origin),
    ...apiRoutes({context, watch, fixes, render, isProtected, now, withKey, requests}),
  }

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(message.url ?? '/', 'http://127.0.0.1')
    if (url === null)
      return sendJson(response, 400, {
        code: 'usage',
        message: 'The address of the request is not a URL.',
        suggestions: [],
      })
    const {pathname, searchParams: query} = url
    const isApi = pathname.startsWith('/api/')
    const hasKey = message.method === 'GET' && admission.isKeyOf(pathname, query.get('key') ?? undefined)
    const refusal = admission.admit(message) ?? (isApi && !hasKey ? admission.authorize(message) : undefined)
    if (refusal !== undefined)
      return sendJson(response, refusal.status, {
        code: 'permission-denied',
        message: refusal.message,
        suggestions: [],
      })
    try {
      if (!isApi) return await answerWithPage(pathname, response)
      if (pathname === EVENTS_PATH) {
        const first = [['fixes', fixes.kept], ...watch.first] as const
        return events.attach(message, response, {wantsLogs: query.has('logs'), first})
      }
      const [, object, what] = /^\/api\/files\/([^/]+)\/(report|export)$/.exec(pathname) ?? []
      if (object !== undefined) {
        const name = decoded(object)
        return sendHtml(response, await (what === 'report' ? drawReport(name) : drawStory(name)))
      }
      const found = findRoute(message, pathname)
      if (found === undefined)
        throw new AppError(`The console serves no ${message.method} ${pathname}.`, {code: 'not-found'})
      sendJson(response, 200, await found.route({name: found.name, query, message}))
    } catch (error) {
      if (response.headersSent) response.destroy()
      else sendJson(response, statusOf(error), explain(error))
    }
  }

  function findRoute({method}: IncomingMessage, path: string) {
    for (const [operation, route] of Object.entries(routes)) {
      const pattern = operation.replace(/\{\w+\}/, '([^/]+)')
      const [found, name = ''] = new RegExp(`^${pattern}$`).exec(`${method} ${path}`) ?? []
      if (found !== undefined) return {name: decoded(name), route}
    }
    return undefined
  }

  async function drawReport(object: string): Promise<string> {
    const report = await readReport(object, context)
    // The drawing library loads slowly.
    const {reportPage} = await import('../report-page/page.ts')
    return reportPage(report)
  }

  async function drawStory(object: string): Promise<string> {
    const story = await tellStory(object, {context, render, pathTo: () => ''})
    const {exportPage} = await import('./export-page.ts')
    return exportPage(story, story.model === undefined ? undefined : await drawReport(object))
  }

  return {
    answer,
    async [Symbol.asyncDispose]() {
      events[Symbol.dispose]()
      await Promise.all([watch, follower, fixes].map((part) => part[Symbol.asyncDispose]()))
    },
  }
}

/** @throws AppError `usage` */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw new AppError(`${part} in the path is not percent-encoded UTF-8.`, {code: 'usage', cause: error})
  }
}

function statusOf(error: unknown): number {
  if (!(error instanceof AppError)) return 500
  if (error.code === 'usage' || error.code.startsWith('object-name')) return 400
  if (ABSENT.has(error.code)) return 404
  if (error.code === 'confirmation-required') return 403
  return error.code === 'locked' || error.code === 'conflict' ? 409 : 502
}

function sendHtml(response: ServerResponse, page: string): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': REPORT_POLICY,
    'cache-control': 'no-store',
  })
  response.end(page)
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, {'content-type': 'application/json', 'cache-control': 'no-store'})
  response.end(JSON.stringify(value))
}
