// Every request that the API answers, in one place: the server's routes and the page's client are checked against it, and
// the build derives the OpenAPI document from it.
import type {
  CostSoFar,
  Events,
  FilePage,
  FileState,
  FileStory,
  FixPlan,
  FixProgress,
  LogPage,
  PartPage,
  RequestPage,
  RevisionPage,
  Session,
} from './api.ts'

/** Which files: those named, or those that the filter matches. */
export interface FileQuery {
  /** Only files in one of these states. */
  readonly state?: readonly FileState[]
  /** Only names that start with this text. */
  readonly prefix?: string
  /** Part of the name or of the error, in any case. */
  readonly text?: string
  /** Uploaded at this time or later, RFC 3339. */
  readonly since?: string
  /** Only files that this revision processed. */
  readonly revision?: string
}

export interface FileListQuery extends FileQuery {
  /**
   * Most files to answer with: 100 unless given.
   * @asType integer
   * @minimum 1
   * @maximum 1000
   */
  readonly limit?: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface LogQuery {
  /** Only lines about this object. */
  readonly object?: string
  /** Only lines of this level and above, such as `ERROR`. */
  readonly severity?: string
  /**
   * Most lines to answer with, the newest: 1,000 unless given.
   * @asType integer
   * @minimum 1
   * @maximum 5000
   */
  readonly limit?: number
}

export interface RequestQuery {
  /**
   * Only requests with a higher id.
   * @asType integer
   * @minimum 0
   */
  readonly after?: number
  /** `denied`: only requests that lacked a grant. `accounts`: only those of service accounts. */
  readonly show?: 'denied' | 'accounts'
  /** Part of the caller, the path, a permission or a resource, in any case. */
  readonly text?: string
}

export interface FixQuery extends FileQuery {
  /** Names of files, in place of the filter. */
  readonly object?: readonly string[]
}

export interface FixStart extends FixQuery {
  /** `digest` of the plan that the user confirmed; if other files match by now, the request is refused with the code `conflict`. */
  readonly digest?: string
}

export interface EventQuery {
  /** Present: log lines too, as they are written. */
  readonly logs?: string
}

/** Each request by its method and path. `{name}` is one part of the path, percent-encoded with its slashes. */
export interface Api {
  /** What a page needs to begin. */
  'GET /api/session': {readonly answer: Session}
  /** A page of the list of files, newest upload first, and how many are in each state. */
  'GET /api/files': {readonly query: FileListQuery; readonly answer: FilePage}
  /** Everything about one file. */
  'GET /api/files/{object}': {readonly answer: FileStory}
  /** The report about a file's model. */
  'GET /api/files/{object}/report': {readonly content: 'text/html'; readonly answer: string}
  /** A file's whole story as one page without scripts, to send to a colleague. */
  'GET /api/files/{object}/export': {readonly content: 'text/html'; readonly answer: string}
  /** Log lines, the newest. */
  'GET /api/logs': {readonly query: LogQuery; readonly answer: LogPage}
  /** Calls of the local cloud's APIs, with what access control decided. */
  'GET /api/requests': {readonly query: RequestQuery; readonly answer: RequestPage}
  /** What was deployed, newest first, with the traffic that each gets. */
  'GET /api/revisions': {readonly answer: RevisionPage}
  /** The pipeline's resources in the order of a file's way, each with its health. */
  'GET /api/parts': {readonly answer: PartPage}
  /** What the pipeline has cost; it reads the whole request log. */
  'GET /api/cost': {readonly answer: CostSoFar}
  /** Gives a revision all traffic. */
  'POST /api/traffic/{revision}': {readonly answer: {readonly revision: string}}
  /** What `reprocess`, `redrive` or `cancel` would change. */
  'GET /api/fixes/{fix}': {readonly query: FixQuery; readonly answer: FixPlan}
  /** Reprocesses, redrives or cancels files; the progress comes as events. */
  'POST /api/fixes/{fix}': {readonly query: FixStart; readonly answer: FixProgress}
  /** The body becomes an object of the input bucket. */
  'POST /api/uploads/{object}': {readonly answer: {readonly object: string}}
  /** Server-sent events: each name with its data. `Last-Event-ID` resumes the stream. */
  'GET /api/events': {
    readonly query: EventQuery
    readonly content: 'text/event-stream'
    readonly answer: Events
  }
  /** This description of the API, OpenAPI 3.1. */
  'GET /api/openapi.json': {readonly answer: Readonly<Record<string, unknown>>}
}

/** Those that answer with JSON. */
export type Operation = {
  [O in keyof Api]: Api[O] extends {readonly content: string} ? never : O
}[keyof Api]

export type AnswerTo<O extends Operation> = Api[O]['answer']
