// What the page and the server exchange. The page imports nothing else of this program.
import type {DeliveryAttempt} from '../core/files/attempts.ts'
import type {FileState, FileStatus} from '../core/files/files.ts'
import type {Run} from '../core/history/runs.ts'
import type {LogLine} from '../core/ports/logs.ts'
import type {Preview} from '../core/results/preview.ts'
import type {ListedRevision} from '../core/revisions.ts'
import type {PipelineStatus} from '../core/status.ts'
import type {Advice} from '../core/suggestion.ts'

/** A result as JSON: suggestions are text, as with `--json`. */
export type AsJson<T> = T extends Advice
  ? string
  : T extends readonly (infer E)[]
    ? readonly AsJson<E>[]
    : T extends object
      ? {readonly [K in keyof T]: AsJson<T[K]>}
      : T

export type {DeliveryAttempt, FileState, LogLine, Preview}
export type FileView = AsJson<FileStatus>
export type Counts = Readonly<Record<FileState, number>>

/** An error, as `--json` prints it. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly suggestions: readonly string[]
  /** The suggested commands that can be run as they are, each as its words, in the order to try them. */
  readonly next?: readonly (readonly string[])[]
  /** Of the command that would fail like this. */
  readonly exitCode?: number
}

/** The state of the pipeline, sent whenever it changes. */
export interface Overview {
  /** Changes whenever anything that the files' list shows changes. */
  readonly version: string
  /** When the cloud was last read, RFC 3339. */
  readonly readAt: string
  readonly pipeline: AsJson<PipelineStatus>
  /** Of all files. */
  readonly counts: Counts
  /** HTTP status with which the service rejects deliveries, if files wait. */
  readonly refusedPushes?: number
}

/** Which files to show. */
export interface FileFilter {
  readonly states: readonly FileState[]
  readonly prefix: string
  /** Part of the name or of the error, in any case. */
  readonly text: string
  /** Uploaded since then, RFC 3339; empty: at any time. */
  readonly since: string
  /** That processed it; empty: any. */
  readonly revision: string
}

/** A page of the list, newest upload first. */
export interface FilePage {
  readonly files: readonly FileView[]
  /** Of the filter, whatever the states. */
  readonly counts: Counts
  /** Files that match the filter. */
  readonly total: number
  /** Revisions that processed any files, whatever the filter. */
  readonly revisions: readonly string[]
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string
}

/** Everything that is known about one file. */
export interface FileStory {
  readonly file: FileView
  /** Oldest first. */
  readonly attempts: readonly DeliveryAttempt[]
  /** Runs that have ended, oldest first. */
  readonly runs: readonly AsJson<Run>[]
  /** Log lines about it, oldest first. */
  readonly lines: readonly LogLine[]
  /** First rows of a CSV result. */
  readonly preview?: Preview
  readonly model?: {
    readonly auc: number | null
    readonly accuracy: number | null
    readonly logLoss: number | null
    readonly labelColumn: string
    readonly rows: number
    readonly warnings: readonly string[]
  }
  /** Path of the report as an HTML page, valid for this file while the console runs. */
  readonly reportPath?: string
  /** Path of the file's whole story as one HTML page to send to a colleague. */
  readonly exportPath: string
  /** The same in a shell, by what it does. */
  readonly commands: Readonly<
    Record<'history' | 'logs' | 'reprocess' | 'redrive' | 'cancel' | 'results' | 'report' | 'status', string>
  >
}

export interface LogPage {
  /** Oldest first. */
  readonly lines: readonly LogLine[]
  /** The same in a shell. */
  readonly command: string
}

/** A permission that a call of the local cloud needed. */
export interface PermissionCheck {
  readonly principal: string
  readonly permission: string
  readonly resource: string
  /** `missing`: not granted, but the call was served all the same. */
  readonly decision: 'allowed' | 'denied' | 'missing'
  /** If it is not granted: the smallest role on the resource that would have allowed it. */
  readonly role?: string
}

/** A call of the local cloud's APIs, or a permission that it checked for work of its own. */
export interface CloudRequest {
  /** Increases over time. */
  readonly id: number
  /** RFC 3339. */
  readonly time: string
  /** The caller. */
  readonly principal: string
  /** `GET`, or `gRPC`; absent for the local cloud's own work. */
  readonly method?: string
  /** Without the query. */
  readonly path?: string
  /** HTTP status, or the code of a gRPC call. */
  readonly status?: number | string
  /** Why it failed. */
  readonly error?: string
  readonly checks: readonly PermissionCheck[]
}

export interface RequestPage {
  /** Oldest first, at most the newest 500. */
  readonly requests: readonly CloudRequest[]
  /** Id of the newest request that was looked at: `after` of the next question. */
  readonly last: number
  /** Why there are none, if the pipeline's cloud does not record them. */
  readonly reason?: string
  /** The same in a shell. */
  readonly command: string
}

export interface RevisionPage {
  readonly revisions: readonly AsJson<ListedRevision>[]
  readonly truncated: boolean
  /** The command that gives all traffic to a revision, by its name. */
  readonly commands: Readonly<Record<string, string>>
}

/** What a page needs to begin. */
export interface Session {
  /** Address of the stream of events, with the key that opens it. */
  readonly eventsPath: string
  /** Of this program. */
  readonly version: string
  /** Commands that the page suggests, as lines to paste into a shell. */
  readonly commands: Readonly<Record<'console' | 'setup' | 'upload', string>>
}

export type Fix = 'reprocess' | 'redrive' | 'cancel'

/** What a fix applies to. */
export interface FixPlan {
  readonly fix: Fix
  readonly count: number
  /**
   * What the user confirms: changes if other files match, if one was uploaded again, or if reprocessing would treat one
   * differently.
   */
  readonly digest: string
  /** Names of the first ones. */
  readonly objects: readonly string[]
  /** The same in a shell; absent if there is no single line for it. */
  readonly command?: string
}

/** A fix in progress, or one that ended. */
export interface FixProgress {
  readonly id: string
  readonly fix: Fix
  /** RFC 3339. */
  readonly startedAt: string
  readonly total: number
  readonly done: number
  readonly state: 'running' | 'done' | 'failed'
  readonly problem?: Problem
}

/** What the stream of events carries, by event. */
export interface Events {
  readonly overview: Overview
  /** The cloud cannot be read; the next `overview` ends it. */
  readonly problem: Problem
  readonly logs: readonly LogLine[]
  /** All in progress, and the latest; oldest first. */
  readonly fixes: readonly FixProgress[]
  /** Events were missed: read everything again. */
  readonly reset: Readonly<Record<string, never>>
}

/** A part of the pipeline. */
export interface Part {
  readonly kind: string
  readonly name: string
  readonly health: 'good' | 'bad'
  /** In a few words. */
  readonly detail: string
  /** What it holds, if that is known: `12 files`. */
  readonly count?: string
  /** Whether files pass it only if something goes wrong, or takes long. */
  readonly isAside: boolean
}

export interface PartPage {
  readonly parts: readonly Part[]
  /** Files that were done in the last minute, and in the last hour. */
  readonly throughput: {readonly lastMinute: number; readonly lastHour: number}
}

/** What the pipeline has cost in the last 30 days, at list prices. */
export interface CostSoFar {
  readonly usd: number
  /** Whether it ran here, and would have cost this on Google. */
  readonly isEstimate: boolean
  /** The same in a shell, item by item. */
  readonly command: string
}
