import type {Delimiter} from '../csv/delimiters.ts'
import {mostRecords} from '../csv/scanner.ts'
import {NumberBuilder} from './column-builders.ts'
import type {NumberColumn} from './columns.ts'
import {DressedBuilder} from './dressed-column.ts'

/** A column of numbers that holds those of one block at a time. */
export interface NumbersOfBlock {
  builder: NumberBuilder | DressedBuilder
  column: NumberColumn
}

/**
 * Reads a column of the table again, block by block.
 * @param columns of the file
 */
export function numbersOfBlock(
  {index, name, notation}: NumberColumn,
  columns: number,
  delimiter: Delimiter,
): NumbersOfBlock {
  const most = mostRecords(columns)
  const builder =
    notation === undefined ? new NumberBuilder(index, delimiter) : new DressedBuilder(index, notation)
  builder.reserve(most)
  return {builder, column: builder.build(most, name)}
}
