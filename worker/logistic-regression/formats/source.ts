import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'
import {InOtherFormat} from '../csv/other-format.ts'
import type {Pacer} from '../pacer.ts'
import type {LabelChoice} from '../table/label.ts'
import {type ReadOptions, type Table, readTable} from '../table/table.ts'
import {columnName, typedTexts} from './cells.ts'
import {openJsonLines} from './json-lines.ts'
import {readParquet} from './parquet/read.ts'

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
    const {text, format, names, isText} = await open(input, pacer, options.memoryBytes)
    // What a model takes for numbers may be stored as text.
    const asText = typedTexts(names, isText)
    const table = await readTable(text, choice, pacer, {asText, ...options, dialect: dialectOf(format)})
    const isLabelText = names.some((name) => columnName(name) === table.label.name && isText(name))
    return {...table, isLabelText}
  }
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
