import {faultIn, type FileStatus} from '../core/files/files.ts'
import type {Status} from '../core/status.ts'
import type {Render} from '../core/suggestion.ts'
import {tame, wrap} from './format.ts'
import {showState} from './show-files.ts'
import {showCounts} from './show-pipeline.ts'

/** Lines of a status besides its files: the pipeline, totals, headings, what to do. */
const OTHER_LINES = 16

/** How many files fit on the terminal beside the rest of a status. */
export function filesOnScreen({rows}: NodeJS.WriteStream): number {
  return Math.max(1, rows - OTHER_LINES)
}

/** Draws lines over those of the last time. Lines longer than the terminal are cut, and so are those below it. */
export function redraw(lines: readonly string[], stream: NodeJS.WriteStream): void {
  const shown = lines.flatMap((line) => wrap(tame(line), stream.columns, '  ')).slice(0, stream.rows - 1)
  const [home, toLineEnd, toScreenEnd, cut, whole] = [
    '\u001b[H',
    '\u001b[K',
    '\u001b[J',
    '\u001b[?7l',
    '\u001b[?7h',
  ]
  stream.write(`${home}${cut}${shown.map((line) => `${line}${toLineEnd}\n`).join('')}${toScreenEnd}${whole}`)
}

/** Finds what a look shows that those before did not. */
export class Changes {
  readonly #render: Render
  readonly #since: number
  readonly #known = new Map<string, string>()
  #said: string | undefined
  #counts: string | undefined

  /** @param since when the first look began, in milliseconds since the epoch */
  constructor(render: Render, since: number) {
    this.#render = render
    this.#since = since
  }

  /** One line for each change: of the pipeline, of a file, of the totals; at first also what is not done. */
  in({pipeline, files, counts}: Status): string[] {
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
    const fault = faultIn(file)
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
