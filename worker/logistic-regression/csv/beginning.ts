import {DELIMITERS, type Delimiter} from './delimiters.ts'
import {isMissing} from './missing.ts'

const LF = 0x0a
const CR = 0x0d
const QUOTE = 0x22

/** What the first lines of a file show of its header and rows. */
export interface Beginning {
  delimiter: Delimiter
  /** Offset of the header; 0, or after a byte order mark, unless titles or comments precede it. */
  headerStart: number
  /** Records before the header. */
  titles: number
  /**
   * How the header compares with the rows. `shorter`: the first field of the rows has no name, as R writes row names.
   * `longer`: the header ends in a delimiter too many; `rows-longer`: all rows do.
   */
  form: 'complete' | 'shorter' | 'longer' | 'rows-longer'
  /** The first line after the header, if that names the units of the columns. */
  units: readonly string[] | undefined
  /** A name is also a value of its column, as in a file without a header: lines equal to the header may be rows. */
  namesRecur: boolean
}

/** A record of the head: its fields as texts. */
interface HeadRecord {
  start: number
  fields: string[]
}

type Form = Beginning['form']
interface Candidate extends Omit<Beginning, 'units' | 'namesRecur'> {
  records: HeadRecord[]
  /** Rows of the head that have the number of fields that this makes them expect. */
  agreeing: number
  /** Fields of the header. */
  fields: number
}

/** Fewer rows prove nothing about a header that does not fit them. */
const FEWEST_ROWS = 3
/** Of the rows, those that must agree about a header that does not fit the first line. */
const MOST_ROWS_SHARE = 0.75
/** Of a column's cells, those that must be numbers for the line above them to be units. */
const NUMBERS_SHARE = 0.8

/**
 * Finds the delimiter and the header: of the delimiters in the first line the one that most of the next lines have as
 * often, outside quotes; of equal ones the one that occurs most often. If the lines after the first agree with each
 * other but not with it, it may be a title or comment, or a header with a field more or less.
 * @param head from the byte order mark on, complete lines
 * @param from offset of its text
 * @returns undefined if no line has a delimiter
 */
export function findBeginning(head: Buffer, from: number): Beginning | undefined {
  const readings = DELIMITERS.filter((delimiter) => head.includes(delimiter, from)).map((delimiter) => ({
    delimiter,
    records: recordsOf(head, from, delimiter),
  }))
  const plain = best(
    readings.flatMap(({delimiter, records}) => {
      const titles = commentsOf(records)
      const fields = records[titles]?.fields.length ?? 0
      return fields > 1 ? [candidate(delimiter, records, titles, 'complete', fields)] : []
    }),
  )
  const rows = (plain?.records.length ?? 0) - (plain?.titles ?? 0) - 1
  const found =
    plain !== undefined && (rows === 0 || 2 * plain.agreeing > rows)
      ? plain
      : (best(readings.flatMap(({delimiter, records}) => unusual(delimiter, records))) ?? plain)
  return found === undefined
    ? undefined
    : {
        delimiter: found.delimiter,
        headerStart: found.titles === 0 ? from : found.headerStart,
        titles: found.titles,
        form: found.form,
        units: unitsOf(found),
        namesRecur: namesRecur(found.records, found.titles),
      }
}

function best(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.toSorted((a, b) => b.agreeing - a.agreeing || b.fields - a.fields)[0]
}

function candidate(
  delimiter: Delimiter,
  records: HeadRecord[],
  titles: number,
  form: Form,
  expected: number,
): Candidate {
  const agreeing = records.slice(titles + 1).filter(({fields}) => fields.length === expected).length
  const header = records[titles]
  const fields = header?.fields.length ?? 0
  return {delimiter, headerStart: header?.start ?? 0, titles, form, records, agreeing, fields}
}

/** Headers that do not have as many fields as the rows, where the rows agree with each other. */
function unusual(delimiter: Delimiter, records: HeadRecord[]): Candidate[] {
  const first = commentsOf(records)
  const expected = commonest(records.slice(first + 1).map(({fields}) => fields.length))
  if (expected < 2) return []
  const titles = records.findIndex(({fields}, i) => i >= first && fields.length === expected)
  const header = records[first]?.fields ?? []
  const rows = records.slice(first + 1).flatMap(({fields}) => (fields.length === expected ? [fields] : []))
  const form: Form | undefined =
    header.length === expected + 1 && header.at(-1)?.trim() === ''
      ? 'longer'
      : header.length !== expected - 1 || isHeader(records, titles)
        ? undefined
        : rows.every((fields) => fields.at(-1)?.trim() === '')
          ? 'rows-longer'
          : new Set(rows.map(([name]) => name)).size === rows.length
            ? 'shorter'
            : undefined
  const found =
    form === undefined
      ? isHeader(records, titles) &&
        rows[0]?.some((_, column) => areNumbers(cellsOf(rows.slice(1), column))) === true
        ? candidate(delimiter, records, titles, 'complete', expected)
        : undefined
      : candidate(delimiter, records, first, form, expected)
  if (found === undefined) return []
  const count = records.length - found.titles - 1
  return found.agreeing >= FEWEST_ROWS && found.agreeing >= MOST_ROWS_SHARE * count ? [found] : []
}

/** How many lines of comment precede the header; one that starts with # may be the header itself. */
function commentsOf(records: readonly HeadRecord[]): number {
  const comments = records.findIndex(({fields: [first = '']}) => !first.startsWith('#'))
  if (comments <= 0) return 0
  const fits = records[comments - 1]?.fields.length === records[comments]?.fields.length
  return fits && !isHeader(records, comments) ? comments - 1 : comments
}

/** Whether a record has names: different from each other, none a number, none again in its column. */
function isHeader(records: readonly HeadRecord[], index: number): boolean {
  const names = (records[index]?.fields ?? []).filter((name) => name.trim() !== '')
  return (
    names.length > 0 &&
    new Set(names).size === names.length &&
    !names.some((name) => isNumber(name.trim())) &&
    !namesRecur(records, index)
  )
}

/** Whether a line below record `index`, other than one that repeats it, has a name of it in the same column. */
function namesRecur(records: readonly HeadRecord[], index: number): boolean {
  const names = records[index]?.fields ?? []
  return records
    .slice(index + 1)
    .some(
      ({fields}) =>
        !sameAs(fields, names) &&
        names.some((name, i) => name.trim() !== '' && fields[i]?.trim() === name.trim()),
    )
}

/**
 * The first line after the header, if it has no number above columns of numbers, and nothing that occurs again in the
 * others.
 */
function unitsOf({records, titles, form}: Candidate): string[] | undefined {
  if (form === 'shorter') return undefined
  const [units, ...rows] = records.slice(titles + 1).map(({fields}) => fields.map((cell) => cell.trim()))
  const header = records[titles]?.fields.map((cell) => cell.trim()) ?? []
  if (units === undefined || rows.length < FEWEST_ROWS || units.some(isNumber) || sameAs(units, header))
    return undefined
  let numeric = 0
  let above = 0
  for (const [column, unit] of units.entries()) {
    const cells = cellsOf(rows, column)
    const isNumeric = areNumbers(cells)
    if (isNumeric) numeric++
    if (isMissing(unit)) continue
    if (cells.includes(unit)) return undefined
    if (isNumeric) above++
  }
  // One text above one of several columns of numbers may be a typing error; a line of texts is not.
  return above >= 2 || (above === 1 && numeric === 1) ? units : undefined
}

/** What a column has, trimmed, without missing values. */
function cellsOf(rows: readonly (readonly string[])[], column: number): string[] {
  return rows.map((row) => row[column]?.trim() ?? '').filter((cell) => !isMissing(cell))
}

function areNumbers(cells: readonly string[]): boolean {
  return cells.length >= FEWEST_ROWS && cells.filter(isNumber).length >= NUMBERS_SHARE * cells.length
}

function sameAs(fields: readonly string[], others: readonly string[]): boolean {
  return fields.length === others.length && fields.every((field, i) => field.trim() === others[i]?.trim())
}

function isNumber(cell: string): boolean {
  return /^[-+(\u2212]?\s?[$€£¥]?\s?[.,]?\d[\d.,'\s]*(e[-+]?\d+)?\s?[%€]?\)?$/iu.test(cell)
}

function commonest(counts: readonly number[]): number {
  const rows = new Map<number, number>()
  for (const count of counts) rows.set(count, (rows.get(count) ?? 0) + 1)
  return [...rows].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 0
}

/** The records of a file's beginning that have a line end, without blank ones. */
function recordsOf(head: Buffer, from: number, delimiter: Delimiter): HeadRecord[] {
  const separator = delimiter.charCodeAt(0)
  const records: HeadRecord[] = []
  let at = from
  while (at < head.length) {
    if (isLineEnd(head[at])) {
      at++
      continue
    }
    const record: HeadRecord = {start: at, fields: []}
    for (;;) {
      const start = at
      if (head[at] === QUOTE) at = afterQuoted(head, at)
      while (at < head.length && head[at] !== separator && !isLineEnd(head[at])) at++
      record.fields.push(textOf(head.toString('utf8', start, at)))
      if (head[at] !== separator) break
      at++
    }
    records.push(record)
  }
  return records
}

/** The position after the quote that closes the field that starts at `at`; the end if there is none. */
function afterQuoted(head: Buffer, start: number): number {
  let at = start + 1
  while (at < head.length) {
    if (head[at] !== QUOTE) at++
    else if (head[at + 1] === QUOTE) at += 2
    else return at + 1
  }
  return at
}

function textOf(field: string): string {
  return field.length > 1 && field.startsWith('"') && field.endsWith('"')
    ? field.slice(1, -1).replaceAll('""', '"')
    : field
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR
}
