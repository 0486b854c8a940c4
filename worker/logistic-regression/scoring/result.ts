import {createGzip} from 'node:zlib'
import type {InputFile, Output} from '../../processor.ts'
import {type AppendedFields, appendFields, quoteField} from '../csv/append.ts'
import {isGzipName, readBytes} from '../csv/source.ts'
import {typedClasses} from '../formats/cells.ts'
import type {Pacer} from '../pacer.ts'
import type {Table} from '../table/table.ts'
import type {Predictions} from '../training/model.ts'
import type {TableHead} from './block-scorer.ts'
import {appendToLines} from './json-lines-result.ts'
import {appendToColumns} from './parquet-result.ts'
import {type DecimalMark, MOST_PROBABILITY_BYTES, writeProbability} from './probability.ts'

/** The fields that are appended to records, the header's being number 0. @param predictions by row */
export function appendedFields(table: TableHead, predictions: Predictions): AppendedFields {
  const {decimalComma, label, shape} = table
  const {classes} = label
  const {delimiter} = shape.dialect
  const header = Buffer.from(
    addedNames(table)
      .map((name) => delimiter + quoteField(name, delimiter))
      .join(''),
  )
  const fields = predictionFields(
    classes.map((name) => Buffer.from(delimiter + quoteField(name, delimiter))),
    delimiter.charCodeAt(0),
    predictions,
    // As the input has them, unless they would have to be quoted.
    decimalComma && delimiter !== ',' ? ',' : '.',
  )
  return {
    mostBytes: Math.max(header.length, fields.mostBytes),
    rows: fields.rows,
    write: (index, into, at) =>
      index === 0 ? at + header.copy(into, at) : fields.write(index - 1, into, at),
  }
}

/**
 * Writes the input's rows unchanged, each with `prediction` and `probability_<class>`; gzipped if the input is.
 * Reads the input a second time.
 */
export async function writeResult(
  input: InputFile,
  table: Table,
  predictions: Predictions,
  output: Output,
  pacer: Pacer,
): Promise<void> {
  const {format} = table.shape.dialect
  const classes = table.isLabelText === true ? table.label.classes : typedClasses(table.label.classes)
  const names = addedNames(table)
  if (format === 'parquet') return appendToColumns(input, names, classes, predictions, output, pacer)
  const write = (to: Pick<Output, 'write'>): Promise<void> =>
    format === 'json-lines'
      ? appendToLines(input, names, classes, predictions, to, pacer)
      : appendFields(readBytes(input), table.shape, appendedFields(table, predictions), to, pacer)
  return writeThrough(input, output, write)
}

/** Names of the prediction, and of the probability of each class. */
function addedNames({header, label: {classes}}: Pick<TableHead, 'header' | 'label'>): string[] {
  return uniqueAmong(header, ['prediction', ...classes.map((name) => `probability_${name}`)])
}

/** Packs what is written if the input is packed. */
export async function writeThrough(
  input: InputFile,
  output: Output,
  writeTo: (to: Pick<Output, 'write'>) => Promise<void>,
): Promise<void> {
  if (!isGzipName(input.object)) return writeTo(output)
  const gzip = createGzip()
  const sent = (async () => {
    for await (const chunk of gzip) if (Buffer.isBuffer(chunk)) await output.write(chunk)
  })()
  const pack = async (chunk: string | Uint8Array): Promise<void> => {
    // Copied, since packing continues after the memory is reused.
    if (!gzip.write(Buffer.from(chunk)))
      await Promise.race([new Promise<void>((resolve) => gzip.once('drain', resolve)), sent])
  }
  try {
    await writeTo({write: pack})
    gzip.end()
  } catch (error) {
    gzip.destroy(error instanceof Error ? error : new Error(String(error)))
  }
  await sent
}

/** @param labels per class the delimiter and the class as a field */
function predictionFields(
  labels: readonly Buffer[],
  delimiter: number,
  {labels: predicted, probabilities}: Predictions,
  mark: DecimalMark,
): AppendedFields {
  const classes = labels.length
  const longest = Math.max(...labels.map(({length}) => length))
  return {
    mostBytes: longest + classes * (1 + MOST_PROBABILITY_BYTES),
    rows: {labels, predicted, probabilities, delimiter, mark: mark.charCodeAt(0)},
    write: (row, into, at) => {
      const label = labels[predicted[row] ?? 0]
      let next = label === undefined ? at : at + label.copy(into, at)
      for (let k = 0; k < classes; k++) {
        into[next] = delimiter
        next = writeProbability(probabilities[row * classes + k] ?? 0, into, next + 1, mark)
      }
      return next
    },
  }
}

/** The added columns' names, with `_2`, `_3` … if the input or an earlier one has the name already. */
function uniqueAmong(header: readonly string[], names: readonly string[]): string[] {
  const taken = new Set(header)
  return names.map((name) => {
    let unique = name
    for (let i = 2; taken.has(unique); i++) unique = `${name}_${i}`
    taken.add(unique)
    return unique
  })
}
