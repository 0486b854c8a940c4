import {isUtf8} from 'node:buffer'
import {Readable} from 'node:stream'
import {type InputFile, PermanentError} from '../../processor.ts'
import {MOST_COLUMNS, tooManyColumns} from '../csv/dialect.ts'
import {readBytes} from '../csv/source.ts'
import type {Pacer} from '../pacer.ts'
import {textField} from './cells.ts'
import type {Transcoded} from './transcoded.ts'

/** A line longer than this comes from a file that is not JSON Lines. */
const LONGEST_LINE = 16 * 1024 * 1024
const LF = 0x0a
/** A value that may be a whole number with more digits than a double holds. */
const LONG_WHOLE = /:\s*-?\d{16,}\s*[,}]/
/** What Python and others write for numbers that JSON does not have. */
const NOT_FINITE = /:\s*(NaN|-?Infinity)\s*[,}]/

/** A line with its number, counted from 1. */
interface Line {
  number: number
  text: string
}

/**
 * Reads a file of one JSON object a line (jsonlines.org). Its columns are the keys of all lines, in the order in which
 * they first appear; a key that a line lacks is a missing value, as null is.
 * @throws PermanentError `not-json`, `nested-value`, `not-utf8`, `too-many-columns`, each with its line
 */
export async function openJsonLines(input: InputFile, pacer: Pacer): Promise<Transcoded> {
  const kinds = new Map<string, Set<string>>()
  for await (const lines of linesOf(input)) {
    for (const line of lines) {
      for (const [name, value] of Object.entries(parse(line))) {
        let found = kinds.get(name)
        if (found === undefined) {
          if (kinds.size === MOST_COLUMNS) throw tooManyColumns()
          kinds.set(name, (found = new Set()))
        }
        if (value !== null) found.add(typeof value)
      }
      if (pacer.due) await pacer.pause()
    }
  }
  if (kinds.size === 0) {
    throw new PermanentError('No line of the file has a key, so it has no columns.', {
      code: 'no-header',
      line: 1,
      suggestions: ['Write the columns of a row as keys: {"age": 31, "label": 1}'],
    })
  }
  const names = [...kinds.keys()]
  const text = () => Readable.from(csvOf(input, names), {objectMode: false})
  return {
    text: {...input, sizeBytes: 0, open: async () => text()},
    format: 'json-lines',
    names,
    isText: (name) => kinds.get(name)?.has('string') === true,
  }
}

async function* csvOf(input: InputFile, names: readonly string[]): AsyncGenerator<string> {
  yield `${names.map(textField).join(',')}\n`
  // A record of one empty field would be a blank line.
  const missing = names.length === 1 ? '""' : ''
  for await (const lines of linesOf(input)) {
    let text = ''
    for (const line of lines) {
      const record = parse(line)
      text += `${names.map((name) => cellOf(record[name]) || missing).join(',')}\n`
    }
    yield text
  }
}

function cellOf(value: unknown): string {
  if (typeof value === 'string') return textField(value)
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : ''
}

/** The object of a line. */
function parse({number, text}: Line): Record<string, unknown> {
  let value: unknown
  try {
    value = LONG_WHOLE.test(text) ? JSON.parse(text, exactly) : JSON.parse(text)
  } catch (cause) {
    const [, found] = NOT_FINITE.exec(text) ?? []
    throw found === undefined ? notJson(number, cause) : notFinite(number, found, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notJson(number)
  const record: Record<string, unknown> = {...value}
  for (const [name, cell] of Object.entries(record)) {
    if (typeof cell !== 'object' || cell === null) continue
    throw new PermanentError(
      `Line ${number} has ${Array.isArray(cell) ? 'a list' : 'an object'} in ${name}; a cell must be a text, a number, true, false or null.`,
      {
        code: 'nested-value',
        line: number,
        column: name,
        suggestions: [
          `Leave the key out, or give its parts keys of their own, for instance: jq -c 'del(.${JSON.stringify(name)})' in.jsonl > out.jsonl`,
        ],
      },
    )
  }
  return record
}

/** A whole number with all its digits. */
function exactly(_key: string, value: unknown, {source}: {source?: string} = {}): unknown {
  return typeof value === 'number' && source !== undefined && /^-?\d{16,}$/.test(source)
    ? BigInt(source)
    : value
}

function notFinite(line: number, found: string, cause: unknown): PermanentError {
  return new PermanentError(`Line ${line} has the number ${found}, which JSON does not have.`, {
    code: 'not-json',
    line,
    suggestions: [
      'Write null for a missing number, for instance: df.to_json("FILE", orient="records", lines=True)',
    ],
    cause,
  })
}

function notJson(line: number, cause?: unknown): PermanentError {
  return new PermanentError(`Line ${line} is not a JSON object, although the file starts with one a line.`, {
    code: 'not-json',
    line,
    suggestions: [
      'Write each row as one JSON object in one line, for instance: jq -c . in.json > out.jsonl',
      'If the last line is cut off, export the data again.',
    ],
    cause,
  })
}

/** The lines of a file that are not blank, in pieces as they arrive. */
export async function* linesOf(input: InputFile): AsyncGenerator<Line[]> {
  let held: Buffer[] = []
  let heldBytes = 0
  let number = 0
  const lineOf = (bytes: Buffer): Line => {
    number++
    if (!isUtf8(bytes)) {
      throw new PermanentError(`Line ${number} has bytes that are not UTF-8.`, {
        code: 'not-utf8',
        line: number,
        suggestions: ['JSON is UTF-8: save the file as such.'],
      })
    }
    const text = bytes.toString('utf8').trim()
    return {number, text: number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text}
  }
  for await (const chunk of readBytes(input)) {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      const own = chunk.subarray(start, end)
      const line = lineOf(held.length === 0 ? own : Buffer.concat([...held, own]))
      if (line.text !== '') lines.push(line)
      held = []
      heldBytes = 0
      start = end + 1
    }
    // Copied: the source may use the memory of a chunk again.
    held.push(Buffer.from(chunk.subarray(start)))
    heldBytes += chunk.length - start
    if (heldBytes > LONGEST_LINE) throw notJson(number + 1)
    if (lines.length > 0) yield lines
  }
  const last = lineOf(Buffer.concat(held))
  if (last.text !== '') yield [last]
}
