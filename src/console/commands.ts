import {command, commandFor, suggest, type Command, type Render} from '../core/suggestion.ts'
import type {FileFilter, FileStory, Fix} from './api.ts'

/** Most names on one command line that a user may want to paste. */
const MOST_NAMED = 20

/** A command as a line to paste into a shell. */
export function lineOf(typed: Command, render: Render): string {
  return render(suggest`${typed}`)
}

/** The commands about a file, by what they do. */
export function commandsAbout(object: string, render: Render): FileStory['commands'] {
  return {
    status: lineOf(commandFor('status', object), render),
    history: lineOf(commandFor('history', object), render),
    logs: lineOf(commandFor('logs', object), render),
    results: lineOf(commandFor('results', object), render),
    report: lineOf(commandFor('report', object), render),
    reprocess: lineOf(commandFor('reprocess', object), render),
    redrive: lineOf(commandFor('redrive', object), render),
    cancel: lineOf(commandFor('cancel', object), render),
  }
}

/**
 * The command that does the same as a fix.
 * @param filter that chose the objects, if one did
 * @returns `undefined` if no single line does
 */
export function commandOfFix(
  fix: Fix,
  objects: readonly string[],
  filter: FileFilter | undefined,
  render: Render,
): string | undefined {
  const typed = byState(fix, filter) ?? byName(fix, objects)
  return typed && lineOf(typed, render)
}

function byState(fix: Fix, filter: FileFilter | undefined): Command | undefined {
  if (
    filter === undefined ||
    filter.prefix !== '' ||
    filter.text !== '' ||
    filter.since !== '' ||
    filter.revision !== ''
  )
    return undefined
  const {states} = filter
  if (fix === 'redrive' && (states.length === 0 || states.includes('dead'))) return command('redrive')
  const isFailed = states.length === 1 && states[0] === 'failed'
  return fix === 'reprocess' && isFailed ? command('reprocess', '--failed') : undefined
}

function byName(fix: Fix, [first, ...others]: readonly string[]): Command | undefined {
  if (first === undefined || others.length >= MOST_NAMED) return undefined
  // Among several names, a shell would take it for a flag.
  if (others.some((object) => object.startsWith('-'))) return undefined
  const typed = {
    reprocess: commandFor('reprocess', first, ...others),
    redrive: commandFor('redrive', first, ...others),
    cancel: commandFor('cancel', first, ...others),
  }
  return typed[fix]
}
