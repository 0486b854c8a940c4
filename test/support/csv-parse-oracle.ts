import {CsvError, parse} from 'csv-parse/sync'

/** What is read of a CSV file. */
export interface CsvReading {
  /** The header, and the records before the fault. */
  records: string[][]
  /** Offset after each record; none where there is a fault. */
  ends: number[]
  /** What the file is refused with. */
  fault: {code: string; column: number | string | undefined} | undefined
}

/** First characters of a field's value: whether quotes enclosed it. */
const QUOTED = '"'
const BARE = ' '

/**
 * Reads CSV as the worker means to, by csv-parse: slow, and known to be right. Quotes within a field that starts with
 * none are characters; csv-parse then lets text after a closing quote pass, too, which must be a fault: such a field
 * is not what its value would be written as.
 */
export function readByCsvParse(text: string, delimiter: string): CsvReading {
  const records: string[][] = []
  const ends: number[] = []
  const faults: NonNullable<CsvReading['fault']>[] = []
  const read = (document: string): void => {
    parse(document, {
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      relax_column_count: true,
      relax_quotes: true,
      cast: (value, {quoting}) => (quoting ? QUOTED : BARE) + value,
      on_record: (record: string[], {bytes}) => {
        if (faults.length > 0) return null
        const columns = records[0]?.length ?? record.length
        const start = ends.at(-1) ?? 0
        const raw = Buffer.from(document)
          .toString('utf8', start, bytes)
          .replace(/^[\ufeff\r\n]+/, '')
        const broken = firstUnlike(record, raw, delimiter)
        if (broken !== -1) {
          faults.push({code: 'broken-quote', column: broken + 1})
        } else if (record.length === columns) {
          records.push(record.map((field) => field.slice(1)))
          ends.push(bytes)
        } else {
          faults.push({code: 'ragged-row', column: Math.min(record.length, columns) + 1})
        }
        return null
      },
    })
  }
  try {
    read(text)
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const column = typeof error['column'] === 'number' ? error['column'] + 1 : 1
    // A quote that is never closed; one that was closed too early may precede it in its record.
    if (faults.length === 0) {
      const unclosed = {code: 'broken-quote', column}
      const before = [...records]
      records.length = 0
      ends.length = 0
      read(`${text}"`)
      const earlier = faults.find(({code}) => code === 'broken-quote')
      return {records: before, ends: [], fault: earlier ?? unclosed}
    }
  }
  const [fault] = faults
  if (fault !== undefined) return {records, ends: [], fault}
  if (records.length <= 1) return {records, ends: [], fault: {code: 'no-rows', column: undefined}}
  return {records, ends, fault: undefined}
}

/** The first field that is not written as it would have to be; -1 if all are. */
function firstUnlike(record: readonly string[], raw: string, delimiter: string): number {
  let at = 0
  return record.findIndex((field) => {
    const text = field.slice(1)
    const written = field.startsWith(QUOTED) ? `"${text.replaceAll('"', '""')}"` : text
    const end = at + written.length
    if (!raw.startsWith(written, at) || !['', delimiter, '\r', '\n'].includes(raw.charAt(end))) return true
    at = end + 1
    return false
  })
}
