import type {IncomingMessage} from 'node:http'
import {measureCost, type MeasuredCost} from '../core/cost/measured.ts'
import {AppError} from '../core/errors.ts'
import {logs} from '../core/logs.ts'
import type {Context} from '../core/ports/context.ts'
import type {LogLine} from '../core/ports/logs.ts'
import {revisions} from '../core/revisions.ts'
import {rollback} from '../core/rollback.ts'
import {command, commandFor, suggest, type Render} from '../core/suggestion.ts'
import {planUpload} from '../core/upload/plan.ts'
import {upload} from '../core/upload/upload.ts'
import {lineOf} from './commands.ts'
import {countIn, cursorIn, filterIn, oneOf} from './file-filter.ts'
import {fixNamed, type FixRequest, type Fixes} from './fixes.ts'
import type {AnswerTo, Operation} from './operations.ts'
import {readParts} from './parts.ts'
import {rendered} from './rendered.ts'
import {readRequests, SHOWN_REQUESTS, type ReadRequests} from './requests.ts'
import {tellStory} from './story.ts'
import type {Watch} from './watch.ts'

const FILES_PER_PAGE = {least: 1, most: 1000}
const USUAL_FILES = 100
const LINES_PER_PAGE = {least: 1, most: 5000}
const USUAL_LINES = 1000
const MOST_REVISIONS = 100
const MINUTE_MS = 60_000
const COST_MS = 30 * 24 * 60 * MINUTE_MS
/** Measuring reads up to 50 pages of the log. */
const COST_KEPT_MS = 10 * MINUTE_MS

/** What the routes work with. */
export interface RouteServices {
  readonly context: Context
  readonly watch: Watch
  readonly fixes: Fixes
  readonly render: Render
  readonly isProtected: boolean
  /** The cloud's time, in milliseconds since the epoch. */
  readonly now: () => number
  /** The path with a key, for what a browser loads without headers. */
  readonly withKey: (path: string) => string
  /** On the local target. */
  readonly requests: ReadRequests | undefined
}

/** A request that was admitted. */
export interface ApiCall {
  /** What the path's last part names, decoded; empty if it names nothing. */
  readonly name: string
  readonly query: URLSearchParams
  readonly message: IncomingMessage
}

type Routed = Exclude<Operation, 'GET /api/session' | 'GET /api/openapi.json'>

/** What answers each operation. */
export type Routes<O extends Operation = Operation> = {
  readonly [Each in O]: (call: ApiCall) => AnswerTo<Each> | Promise<AnswerTo<Each>>
}

/** The JSON API of the pipeline. */
export function apiRoutes({
  context,
  watch,
  fixes,
  render,
  isProtected,
  now,
  withKey,
  requests,
}: RouteServices): Routes<Routed> {
  let measured: {readonly at: number; readonly cost: Promise<MeasuredCost>} | undefined
  function costNow(): Promise<MeasuredCost> {
    if (measured !== undefined && now() - measured.at < COST_KEPT_MS) return measured.cost
    const cost = measureCost(COST_MS, context, now())
    measured = {at: now(), cost}
    cost.catch(() => {
      if (measured?.cost === cost) measured = undefined
    })
    return cost
  }

  return {
    async 'GET /api/files'({query}) {
      const filter = filterIn(query)
      const limit = countIn(query, 'limit', FILES_PER_PAGE) ?? USUAL_FILES
      const after = cursorIn(query)
      await watch.current()
      return rendered(watch.files.page(filter, {limit, ...after}), render)
    },

    'GET /api/files/{object}'({name}) {
      const path = `/api/files/${encodeURIComponent(name)}`
      return tellStory(name, {context, render, pathTo: (what) => withKey(`${path}/${what}`)})
    },

    async 'GET /api/logs'({query}) {
      const object = query.get('object') ?? undefined
      const severity = query.get('severity') ?? undefined
      const limit = countIn(query, 'limit', LINES_PER_PAGE) ?? USUAL_LINES
      const lines: LogLine[] = []
      for await (const one of logs({object, severity, limit, tail: false}, context)) lines.push(one)
      const flags = severity === undefined ? [] : ['--severity', severity.toLowerCase()]
      const typed = object === undefined ? command('logs', ...flags) : commandFor('logs', object, ...flags)
      return {lines, command: lineOf(typed, render)}
    },

    async 'GET /api/requests'({query}) {
      const show = oneOf(query, 'show', SHOWN_REQUESTS) ?? 'all'
      const after = countIn(query, 'after', {least: 0, most: Number.MAX_SAFE_INTEGER}) ?? 0
      return readRequests({after, show, text: query.get('text') ?? ''}, requests, render)
    },

    async 'GET /api/revisions'() {
      const listed = await revisions({limit: MOST_REVISIONS}, context)
      const commands = listed.revisions.map(({name}) => [name, lineOf(command('rollback', name), render)])
      return {...listed, commands: Object.fromEntries(commands)}
    },

    async 'GET /api/parts'() {
      await watch.current()
      const throughput = {
        lastMinute: watch.files.doneSince(now() - MINUTE_MS),
        lastHour: watch.files.doneSince(now() - 60 * MINUTE_MS),
      }
      return {parts: await readParts(watch.overview, context, render), throughput}
    },

    async 'GET /api/cost'() {
      const {bill} = await costNow()
      const typed = command('cost', '--since', '30d')
      const isEstimate = context.pipeline.settings.target === 'local'
      return {usd: bill.cost, isEstimate, command: lineOf(typed, render)}
    },

    async 'POST /api/traffic/{revision}'({name}) {
      if (isProtected)
        throw new AppError(`The environment of pipeline ${context.pipeline.settings.name} is protected.`, {
          code: 'confirmation-required',
          suggestions: [suggest`Type this, and then the pipeline's name: ${command('rollback', name)}`],
        })
      const {revision} = await rollback({revision: name}, context)
      await watch.readNow()
      return {revision}
    },

    async 'GET /api/fixes/{fix}'({name, query}) {
      await watch.current()
      return fixes.plan(fixIn(name, query))
    },

    async 'POST /api/fixes/{fix}'({name, query}) {
      await watch.current()
      return fixes.start(fixIn(name, query), query.get('digest') ?? undefined)
    },

    async 'POST /api/uploads/{object}'({name, message}) {
      const planned = await planUpload({sources: ['-'], name, cwd: context.stateFolder, stdin: message})
      const {failed} = await upload(planned, {}, context)
      const [first] = failed
      if (first !== undefined) throw first.error
      void watch.readNow()
      return {object: name}
    },
  }
}

function fixIn(name: string, query: URLSearchParams): FixRequest {
  return {fix: fixNamed(name), objects: query.getAll('object'), filter: filterIn(query)}
}
