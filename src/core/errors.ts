import type {Suggestion} from './suggestion.ts'

/** All error codes that a user or a script can see. Stable: scripts branch on them. */
export type ErrorCode =
  // what was typed or configured
  | 'usage'
  | 'config-invalid'
  | 'config-unreadable'
  | 'file-missing'
  | 'file-unreadable'
  | 'file-changed'
  | 'glob-empty'
  | 'folder-empty'
  | 'object-name-invalid'
  | 'object-name-reserved'
  | 'object-name-duplicate'
  | 'name-required'
  | 'name-with-several-files'
  | 'output-exists'
  | 'output-unwritable'
  // what exists or does not
  | 'not-set-up'
  | 'object-unknown'
  | 'result-missing'
  | 'run-unknown'
  | 'image-unknown'
  | 'revision-unknown'
  | 'report-unreadable'
  | 'model-invalid'
  | 'model-option-invalid'
  | 'locked'
  | 'project-exists'
  | 'project-taken'
  | 'project-deleted'
  | 'project-not-ours'
  | 'billing-account-unknown'
  | 'quota-exceeded'
  // what failed during an operation
  | 'interrupted'
  | 'canary-failed'
  | 'deploy-failed'
  | 'checksum-mismatch'
  | 'timeout'
  // what Google, or the local cloud, answered
  | 'unauthenticated'
  | 'permission-denied'
  | 'not-found'
  | 'conflict'
  | 'rate-limited'
  | 'api-disabled'
  | 'invalid-request'
  | 'not-implemented'
  | 'precondition-failed'
  | 'unavailable'
  | 'unreachable'
  // tools and terminal
  | 'choice-required'
  | 'confirmation-required'
  | 'confirmation-mismatch'
  | 'program-missing'
  | 'program-unusable'
  | 'browser-missing'
  | 'worker-missing'
  | 'worker-build-failed'
  | 'local-cloud-failed'
  | 'port-taken'
  | 'state-version'
  | 'state-unreadable'
  | 'state-unwritable'
  | 'disk-full'
  | 'provider-missing'
  | 'terraform-failed'
  | 'prerequisites-missing'

export interface AppErrorDetails {
  readonly code: ErrorCode
  /** Default 1; 2 is wrong usage. */
  readonly exitCode?: number
  /** What to do next, one line each, with a command to type if there is one. */
  readonly suggestions?: readonly Suggestion[]
  readonly cause?: unknown
}

/** What JSON has of an error within a result. */
export interface ErrorOutput {
  readonly code: ErrorCode
  readonly message: string
  readonly suggestions: readonly Suggestion[]
}

/**
 * An error that a user can act on; anything else thrown is a bug. The shape is what oclif prints (`code`,
 * `suggestions`) and exits with (`oclif.exit`), so core does not import oclif.
 */
export class AppError extends Error {
  override readonly name = 'Error'
  readonly code: ErrorCode
  readonly exitCode: number
  readonly suggestions: readonly Suggestion[]
  readonly oclif: {readonly exit: number}

  constructor(message: string, details: AppErrorDetails) {
    super(message, details.cause === undefined ? undefined : {cause: details.cause})
    this.code = details.code
    this.exitCode = details.exitCode ?? 1
    this.suggestions = [...(details.suggestions ?? [])]
    this.oclif = {exit: this.exitCode}
  }

  /** As part of a result: an error's message is not enumerable. */
  toJSON(): ErrorOutput {
    const {code, message, suggestions} = this
    return {code, message, suggestions}
  }
}

/** Exit codes that scripts rely on, besides 0 and 1. */
export const EXIT = {usage: 2, fileFailed: 3, changes: 4, timeout: 124, interrupted: 130} as const

const TRANSIENT: ReadonlySet<ErrorCode> = new Set(['unavailable', 'unreachable', 'rate-limited'])

/** Whether the same call may succeed in a moment. */
export function isTransient(error: unknown): error is AppError {
  return error instanceof AppError && TRANSIENT.has(error.code)
}
