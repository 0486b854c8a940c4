import {once} from 'node:events'
import {pathToFileURL} from 'node:url'
import {runningConsole, writeOpener} from '../console/running.ts'
import type {RunningConsole} from '../console/server.ts'
import {AppError} from '../core/errors.ts'
import {isPattern} from '../core/files/names.ts'
import {command, suggest} from '../core/suggestion.ts'
import type {Context} from '../core/ports/context.ts'
import type {StatusRequest} from '../core/status.ts'
import {usageError} from './failure.ts'
import {openInBrowser} from './targets.ts'

/** Opens a page of a console in the browser. @param path of the page, with its query @throws AppError `browser-missing` */
export async function openConsolePage(address: string, path: string, context: Context): Promise<void> {
  await openInBrowser(await writeOpener(address, path, context), process.env)
}

/**
 * Names the console that shows the pipeline, if one runs.
 * @param isTerminal whether only the user reads it: a log must not have the token
 */
export async function consoleLine(context: Context, isTerminal: boolean): Promise<string | undefined> {
  const address = await runningConsole(context)
  if (address === undefined) return undefined
  return `Console: ${isTerminal ? address : `${new URL(address).origin}/`}`
}

export interface Visit {
  /** Page to open, with its query. */
  readonly path: string
  /** `undefined`: if there is somebody to see it. */
  readonly open: boolean | undefined
  /** Whether to print the token: a file that the output goes to must not have it by accident. */
  readonly showsToken: boolean
  readonly json: boolean
  readonly context: Context
  readonly print: (lines: readonly string[]) => void
  readonly explain: (lines: readonly string[]) => void
}

/** Prints a console's address, opens a page of it, and stays until the context's signal. */
export async function visitConsole({address}: RunningConsole, visit: Visit): Promise<void> {
  const {path, open, showsToken, json, context, print, explain} = visit
  if (json) process.stdout.write(`${JSON.stringify({address})}\n`)
  print([`Console: ${showsToken ? address : `${new URL(address).origin}/`}`, 'Press Ctrl-C to end it.'])
  const isInteractive = process.stdout.isTTY && !process.env['CI'] && !json
  if (open ?? isInteractive) {
    const opener = await writeOpener(address, path, context)
    await openInBrowser(opener, process.env).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      // Over SSH there is none; the page must stay up to be opened by hand.
      explain([`No browser opened. Open it yourself: ${pathToFileURL(opener).href}`])
    })
  }
  const {signal} = context
  if (!signal.aborted) await once(signal, 'abort')
  const {reason}: {reason?: unknown} = signal
  if (reason instanceof AppError) process.exitCode = reason.exitCode
}

/**
 * The console's page that shows what a status shows: one file, or a filtered list.
 * @param listed names of the files in the status: a glob among them is a name
 * @throws AppError `usage` for several objects or a glob, by which the console cannot filter
 */
export function pageFor(
  {objects, prefix, states = []}: Omit<StatusRequest, 'limit'>,
  listed: readonly string[],
): string {
  const [object, ...others] = objects
  const isFile = object !== undefined && (!isPattern(object) || listed.includes(object))
  const isFolder = object !== undefined && object.endsWith('/') && !isPattern(object.slice(0, -1))
  if (others.length > 0 || (object !== undefined && !isFile && !isFolder))
    throw usageError('--open shows one file, or a list filtered by folder, prefix and state.', [
      suggest`Without the console: ${command('status', ...objects)}`,
      suggest`A filtered list: ${command('status', '--prefix', 'reports/', '--failed', '--open')}`,
    ])
  if (isFile) return `/files/${encodeURIComponent(object)}`
  const query = new URLSearchParams()
  for (const state of states) query.append('state', state)
  const beginning = prefix ?? object
  if (beginning !== undefined) query.set('prefix', beginning)
  return query.size === 0 ? '/' : `/?${query.toString()}`
}
