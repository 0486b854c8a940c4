import {stripVTControlCharacters} from 'node:util'
import {problemIn, type FileStatus} from '../core/files/files.ts'
import type {Status} from '../core/status.ts'
import type {Render} from '../core/suggestion.ts'
import type {Look} from '../core/watch-status.ts'
import {clock, count, style, tame, wrap} from './format.ts'
import {fileLines, showState} from './show-files.ts'
import {hintsOf, pipelineLines, showCounts} from './show-pipeline.ts'
import {cellsOf, cutEnd} from './text-cells.ts'

/** Of a terminal that does not tell. */
const USUAL_ROWS = 24

interface Size {
  readonly columns: number
  readonly rows: number
}

/** How large a terminal is; its last row is for the cursor. */
export function sizeOf({columns, rows}: NodeJS.WriteStream): Size {
  return {columns, rows: (rows > 1 ? rows : USUAL_ROWS) - 1}
}

/**
 * A state in no more lines than a terminal has rows, none longer than its width: the problems first, then as many files
 * as fit, and how many more there are. Where the pipeline runs is left out if that takes a file's place.
 * @param now milliseconds since the epoch
 */
export function screenOf(look: Look, now: number, render: Render, {columns, rows}: Size): string[] {
  const {status, readAt, problem} = look
  const fit = (lines: readonly string[]) => lines.flatMap((line) => wrap(tame(line), columns, '  '))
  const [first = '', ...details] = fit(pipelineLines(status.pipeline, render))
  const end = [
    ...fit(hintsOf(status, now).map(render)),
    ...(problem === undefined
      ? [style('dim', `updated ${clock(new Date(readAt).toISOString())}, Ctrl-C ends`)]
      : fit([
          style(
            'red',
            `Not updated since ${clock(new Date(readAt).toISOString())}: ${problem.message} Retrying.`,
          ),
          ...problem.suggestions.map(render),
        ])),
  ]
  const files = fileLines(status.files, now, columns)
  const isWhole =
    1 + details.length + 2 + files.flat().length + Math.min(1, status.more) + 1 + end.length <= rows
  const head = [first, ...(isWhole ? [...details, ''] : []), ...fit([showCounts(status.counts)])]
  const foot = [...(isWhole ? [''] : []), ...end]
  const shown: string[] = []
  let hidden = status.files.length + status.more
  for (const lines of files) {
    const rest = hidden > 1 ? 1 : 0
    if (head.length + shown.length + lines.length + rest + foot.length > rows) break
    shown.push(...lines)
    hidden--
  }
  const more = hidden === 0 ? [] : [`… ${count(hidden)} more`]
  const all = [...head, ...shown, ...more, ...foot]
  return (all.length > rows ? [...all.slice(0, rows - 1), '… enlarge the terminal'] : all).map((line) =>
    cellsOf(line) > columns ? cutEnd(stripVTControlCharacters(line), columns) : line,
  )
}

/** Draws lines over those of the last time. */
export function redraw(lines: readonly string[], stream: NodeJS.WriteStream): void {
  const [home, toLineEnd, toScreenEnd] = ['\u001b[H', '\u001b[K', '\u001b[J']
  stream.write(`${home}${lines.map((line) => `${line}${toLineEnd}\n`).join('')}${toScreenEnd}`)
}

/** Finds what a look shows that those before did not. */
export class Changes {
  readonly #render: Render
  readonly #since: number
  readonly #known = new Map<string, string>()
  #said: string | undefined
  #counts: string | undefined
  #problem: string | undefined

  /** @param since when the first look began, in milliseconds since the epoch */
  constructor(render: Render, since: number) {
    this.#render = render
    this.#since = since
  }

  /** One line for each change: of the pipeline, of a file, of the totals; at first also what is not done. */
  in({status, problem}: Look): string[] {
    const message = problem && `not updated: ${problem.message} Retrying.`
    const isSame = message === this.#problem
    this.#problem = message
    if (isSame && problem !== undefined) return []
    if (message !== undefined) return [message]
    return [...(isSame ? [] : ['updated again']), ...this.#changesIn(status)]
  }

  #changesIn({pipeline, files, counts}: Status): string[] {
    const state = pipeline.ready ? 'ready' : 'not ready'
    const problem =
      pipeline.problem === undefined ? '' : `: ${this.#render(pipeline.problem).replace(/\n[^]*$/, '')}`
    const said = `pipeline ${pipeline.name}: ${state}${problem}`
    const totals = showCounts(counts)
    const lines = [
      ...(said === this.#said ? [] : [said]),
      ...files.flatMap((file) => this.#newsOf(file)),
      ...(totals === this.#counts ? [] : [totals]),
    ]
    this.#said = said
    this.#counts = totals
    return lines
  }

  #newsOf(file: FileStatus): string[] {
    const {object, generation, state, attempts, hops} = file
    const fault = problemIn(file)
    const line = `${object}: ${showState(state)}${attempts > 1 ? `, attempt ${attempts}` : ''}${fault === '' ? '' : `: ${fault}`}`
    const key = `${generation} ${object}`
    const before = this.#known.get(key)
    this.#known.set(key, line)
    // A file that ended long ago may move up the list.
    const isOver =
      state === 'ignored' || (state === 'done' && !(Date.parse(hops.at(-1)?.at ?? '') > this.#since))
    return line === before || (before === undefined && isOver) ? [] : [line]
  }
}
