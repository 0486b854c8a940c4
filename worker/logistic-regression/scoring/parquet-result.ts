import type {ColumnChunk, FileMetaData, RowGroup, SchemaElement} from 'hyparquet'
import type {ColumnSource} from 'hyparquet-writer'
import type {InputFile, Output} from '../../processor.ts'
import {openParquet} from '../formats/parquet/footer.ts'
import type {Pacer} from '../pacer.ts'
import type {Predictions} from '../training/model.ts'

/** What pyarrow restores its own types from; it describes each column of the file, and no others. */
const ARROW_SCHEMA = 'ARROW:schema'

/**
 * Writes the input's bytes up to its footer, then for each row group the columns of the predictions, then a footer
 * that has both: a row group's columns may lie anywhere in a file. So the input's columns keep their encoding.
 * @param names of the prediction, then of the probability of each class
 * @param classes as values of the prediction, all of one type
 */
export async function appendToColumns(
  input: InputFile,
  names: readonly string[],
  classes: readonly string[] | number[] | boolean[],
  predictions: Predictions,
  output: Pick<Output, 'write'>,
  pacer: Pacer,
): Promise<void> {
  const {metadata, footerStart} = await openParquet(input)
  const {ByteWriter, ParquetWriter} = await import('hyparquet-writer')
  await copyStart(input, footerStart, output, pacer)
  const {elements, sources} = predictionColumns(names, classes, predictions)
  const writer = new ByteWriter()
  const [root = {name: 'schema'}, ...columns] = metadata.schema
  const parquet = new ParquetWriter({writer, schema: [{...root, num_children: elements.length}, ...elements]})
  // The input has its magic number at the start.
  writer.index = 0
  writer.offset = footerStart
  const flush = async (): Promise<void> => {
    await output.write(writer.getBytes())
    writer.index = 0
    if (pacer.due) await pacer.pause()
  }
  const groups = metadata.row_groups.filter(({num_rows: rows}) => rows > 0n)
  let row = 0
  for (const {num_rows: count} of groups) {
    const end = row + Number(count)
    await parquet.write({columnData: sources(row, end), rowGroupSize: end - row})
    await flush()
    row = end
  }
  if (row !== predictions.labels.length) throw new Error('The file has other rows than on the first read.')
  const added = parquet.row_groups
  parquet.schema = [
    {...root, num_children: (root.num_children ?? 0) + elements.length},
    ...columns,
    ...elements,
  ]
  parquet.row_groups = groups.map((group, i) => joined(group, added[i]))
  parquet.createdBy = metadata.created_by ?? parquet.createdBy
  const keys = keptKeys(metadata)
  if (keys !== undefined) parquet.kvMetadata = keys
  await parquet.finish()
  await flush()
}

async function copyStart(
  input: InputFile,
  end: number,
  output: Pick<Output, 'write'>,
  pacer: Pacer,
): Promise<void> {
  let left = end
  for await (const chunk of await input.open()) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('An input stream must give bytes')
    // To its end, where the checksum is compared.
    const part = chunk.subarray(0, Math.max(0, left))
    left -= part.length
    if (part.length > 0) await output.write(part)
    if (pacer.due) await pacer.pause()
  }
}

/** The columns' types, and their values for some rows. */
function predictionColumns(
  names: readonly string[],
  classes: readonly string[] | number[] | boolean[],
  {labels, probabilities}: Predictions,
): {elements: SchemaElement[]; sources: (from: number, to: number) => ColumnSource[]} {
  const areWhole = classes.every((name) => Number.isSafeInteger(name))
  const values = areWhole ? classes.map((name) => BigInt(name)) : classes
  const type: Pick<SchemaElement, 'type' | 'converted_type' | 'logical_type'> = areWhole
    ? {type: 'INT64'}
    : typeof classes[0] === 'number'
      ? {type: 'DOUBLE'}
      : typeof classes[0] === 'boolean'
        ? {type: 'BOOLEAN'}
        : {type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: {type: 'STRING'}}
  const required = {repetition_type: 'REQUIRED'} as const
  return {
    elements: names.map((name, i) => ({name, ...required, ...(i === 0 ? type : {type: 'DOUBLE'})})),
    sources: (from, to) =>
      names.map((name, i) => ({
        name,
        data:
          i === 0
            ? Array.from(labels.subarray(from, to), (label) => values[label])
            : Float64Array.from(
                {length: to - from},
                (_, row) => probabilities[(from + row) * classes.length + i - 1] ?? 0,
              ),
      })),
  }
}

function joined(group: RowGroup, added: RowGroup | undefined): RowGroup {
  const columns = [...group.columns.map(withoutBounds), ...(added?.columns ?? [])]
  const compressed = columns.reduce((sum, {meta_data: meta}) => sum + (meta?.total_compressed_size ?? 0n), 0n)
  return {
    ...group,
    columns,
    total_byte_size: group.total_byte_size + (added?.total_byte_size ?? 0n),
    total_compressed_size: compressed,
  }
}

/** Without the smallest and largest value: dates and decimals were rounded when they were read. */
function withoutBounds(chunk: ColumnChunk): ColumnChunk {
  const {meta_data: meta} = chunk
  if (meta?.statistics === undefined) return chunk
  const {null_count: missing} = meta.statistics
  const {statistics: _, ...rest} = meta
  return {...chunk, meta_data: missing === undefined ? rest : {...rest, statistics: {null_count: missing}}}
}

function keptKeys({key_value_metadata: keys}: FileMetaData): FileMetaData['key_value_metadata'] {
  return keys?.filter(({key}) => key !== ARROW_SCHEMA)
}
