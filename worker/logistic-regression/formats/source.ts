import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'
import {InOtherFormat} from '../csv/other-format.ts'
import type {Pacer} from '../pacer.ts'
import {LabelBuilder, type LabelChoice} from '../table/label.ts'
import {type ReadOptions, type Table, readTable} from '../table/table.ts'
import {columnName, typedTexts} from './cells.ts'
import {openJsonLines} from './json-lines.ts'
import {readParquet} from './parquet/read.ts'
import type {Transcoded} from './transcoded.ts'

/**
 * Reads a file into typed columns, whatever its format: one that is not CSV is written as CSV in pieces, which are read
 * like any other.
 * @throws PermanentError as {@link readTable}, and what its format adds
 */
export async function readFile(
  input: InputFile,
  choice: LabelChoice,
  pacer: Pacer,
  options: ReadOptions,
): Promise<Table> {
  try {
    return await readTable(input, choice, pacer, options)
  } catch (error) {
    if (!(error instanceof InOtherFormat)) throw error
    const open = error.format === 'parquet' ? readParquet : openJsonLines
    const {text, format, names, isText, typed} = await open(input, pacer, options.memoryBytes)
    // What a model takes for numbers may be stored as text.
    const all = {asText: typedTexts(names, isText), ...options, dialect: dialectOf(format)}
    const table =
      typed === undefined
        ? await readTable(text, choice, pacer, all)
        : await readTyped(text, names.map(columnName), typed, choice, pacer, all)
    const isLabelText = names.some((name) => columnName(name) === table.label.name && isText(name))
    return {...table, isLabelText}
  }
}

/** Reads numbers as such, but for the label and what a model takes for texts. */
async function readTyped(
  text: InputFile,
  names: readonly string[],
  {rows, numbers, without}: NonNullable<Transcoded['typed']>,
  choice: LabelChoice,
  pacer: Pacer,
  options: ReadOptions & {asText: ReadonlySet<string>},
): Promise<Table> {
  const {index: label} = new LabelBuilder(names, choice)
  const columns = new Set(
    numbers.filter((index) => index !== label && !options.asText.has(names[index] ?? '')),
  )
  const beside = without(columns)
  const table = await readTable(beside.text, choice, pacer, {...options, rows, typed: beside.typed})
  // Rows that memory has no room for are read again without columns.
  return {...table, text}
}

/** That of the text which is read in place of the file. */
function dialectOf(format: Dialect['format']): Dialect {
  return {
    format,
    delimiter: ',',
    headerStart: 0,
    titles: 0,
    form: 'complete',
    units: undefined,
    // No line repeats the header: it is not in the file.
    namesRecur: true,
    byteOrderMark: false,
    encoding: 'UTF-8',
  }
}
