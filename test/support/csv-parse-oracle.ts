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

/** Reads CSV as the worker means to, by csv-parse: slow, and known to be right. */
export function readByCsvParse(text: string, delimiter: string): CsvReading {
  const records: string[][] = []
  const ends: number[] = []
  let ragged: number | undefined
  try {
    parse(text, {
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      relax_column_count: true,
      on_record: (fields: string[], {bytes}) => {
        if (ragged !== undefined) return null
        const columns = records[0]?.length ?? fields.length
        if (fields.length === columns) {
          records.push(fields)
          ends.push(bytes)
        } else {
          ragged = Math.min(fields.length, columns) + 1
        }
        return null
      },
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    if (ragged === undefined) {
      const column = typeof error['column'] === 'number' ? error['column'] + 1 : 1
      return {records, ends: [], fault: {code: 'broken-quote', column}}
    }
  }
  if (ragged !== undefined) return {records, ends: [], fault: {code: 'ragged-row', column: ragged}}
  if (records.length <= 1) return {records, ends: [], fault: {code: 'no-rows', column: undefined}}
  return {records, ends, fault: undefined}
}
