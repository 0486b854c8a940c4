import {createGzip} from 'node:zlib'
import type {InputFile, Output} from '../../processor.ts'
import {type AppendedFields, appendFields, quoteField} from '../csv/append.ts'
import {isGzipName, readBytes} from '../csv/source.ts'
import type {Pacer} from '../pacer.ts'
import type {Table} from '../table/table.ts'
import type {Predictions} from '../training/model.ts'
import {type DecimalMark, MOST_PROBABILITY_BYTES, writeProbability} from './probability.ts'

/**
 * Writes the input's records unchanged, each with `prediction` and `probability_<class>`; gzipped if the input is.
 * Reads the input a second time.
 */
export async function writeResult(
  input: InputFile,
  table: Table,
  predictions: Predictions,
  output: Output,
  pacer: Pacer,
): Promise<void> {
  const {delimiter} = table.shape.dialect
  const {classes} = table.label
  const names = uniqueAmong(table.header, ['prediction', ...classes.map((name) => `probability_${name}`)])
  const header = Buffer.from(names.map((name) => delimiter + quoteField(name, delimiter)).join(''))
  const fields = predictionFields(
    classes.map((name) => Buffer.from(delimiter + quoteField(name, delimiter))),
    delimiter.charCodeAt(0),
    predictions,
    // As the input has them, unless they would have to be quoted.
    table.decimalComma && delimiter !== ',' ? ',' : '.',
  )
  const appended: AppendedFields = {
    mostBytes: Math.max(header.length, fields.mostBytes),
    write: (index, into, at) =>
      index === 0 ? at + header.copy(into, at) : fields.write(index - 1, into, at),
  }
  const bytes = readBytes(input)
  if (!isGzipName(input.object)) {
    await appendFields(bytes, table.shape, appended, output, pacer)
    return
  }
  const gzip = createGzip()
  const sent = (async () => {
    for await (const chunk of gzip) if (Buffer.isBuffer(chunk)) await output.write(chunk)
  })()
  const write = async (chunk: string | Uint8Array): Promise<void> => {
    // Copied, since packing continues after the memory is reused.
    if (!gzip.write(Buffer.from(chunk)))
      await Promise.race([new Promise<void>((resolve) => gzip.once('drain', resolve)), sent])
  }
  try {
    await appendFields(bytes, table.shape, appended, {write}, pacer)
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
