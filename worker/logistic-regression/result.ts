import {createGzip} from 'node:zlib'
import type {InputFile, Output} from '../processor.ts'
import {appendFields, quoteField} from './csv/append.ts'
import {isGzipName, readBytes} from './csv/source.ts'
import type {Predictions} from './model.ts'
import type {Pacer} from './pacer.ts'
import type {Table} from './table.ts'

/** Digits of a probability in the result: more than any use needs, and short enough to read. */
const SIGNIFICANT_DIGITS = 6

/**
 * Writes the input's records as they are, each with `prediction` and `probability_<class>`; gzipped where the input
 * is. Reads the input a second time.
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
  const header = names.map((name) => quoteField(name, delimiter)).join(delimiter)
  const quoted = classes.map((name) => quoteField(name, delimiter))
  const fields = (index: number): string => {
    if (index === 0) return header
    const row = index - 1
    let text = quoted[predictions.labels[row] ?? 0] ?? ''
    for (let k = 0; k < classes.length; k++)
      text += delimiter + shortened(predictions.probabilities[row * classes.length + k] ?? 0)
    return text
  }
  const bytes = readBytes(input)
  if (!isGzipName(input.object)) {
    await appendFields(bytes, table.shape, fields, output, pacer)
    return
  }
  const gzip = createGzip()
  const sent = (async () => {
    for await (const chunk of gzip) if (Buffer.isBuffer(chunk)) await output.write(chunk)
  })()
  const write = async (chunk: string | Uint8Array): Promise<void> => {
    if (!gzip.write(chunk))
      await Promise.race([new Promise<void>((resolve) => gzip.once('drain', resolve)), sent])
  }
  try {
    await appendFields(bytes, table.shape, fields, {write}, pacer)
    gzip.end()
  } catch (error) {
    gzip.destroy(error instanceof Error ? error : new Error(String(error)))
  }
  await sent
}

function shortened(probability: number): string {
  return String(Number(probability.toPrecision(SIGNIFICANT_DIGITS)))
}

/** Our names, each with `_2`, `_3` … where the input or one before has it already. */
function uniqueAmong(header: readonly string[], names: readonly string[]): string[] {
  const taken = new Set(header)
  return names.map((name) => {
    let unique = name
    for (let i = 2; taken.has(unique); i++) unique = `${name}_${i}`
    taken.add(unique)
    return unique
  })
}
