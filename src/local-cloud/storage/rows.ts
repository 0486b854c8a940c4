import type {SQLOutputValue} from 'node:sqlite'
import {isFields, type Fields} from './json.ts'

/** A row as node:sqlite hands it out. */
export type Row = Record<string, SQLOutputValue>

export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`)
  return value
}

export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new TypeError(`column ${column} holds no integer`)
  return value
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column)
}

/** A column with a JSON object in it. */
export function storedFields(row: Row, column: string): Fields {
  const value: unknown = JSON.parse(text(row, column))
  if (!isFields(value)) throw new TypeError(`column ${column} holds no JSON object`)
  return value
}
