import type {SQLOutputValue} from 'node:sqlite'
import {ApiError} from '../wire/api-error.ts'
import {type JsonObject, parseJsonObject} from '../wire/json.ts'

/** A row as node:sqlite hands it out. */
export type Row = Readonly<Record<string, SQLOutputValue>>

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

/**
 * What a column keeps as JSON.
 * @param texts the fields that identify it: they must hold texts
 * @throws ApiError DATA_LOSS if the row is damaged
 */
export function storedJson<T extends object = JsonObject>(
  row: Row,
  column: string,
  ...texts: readonly (keyof T & string)[]
): T {
  const value = parseJsonObject(text(row, column))
  if (value !== undefined && holds<T>(value, texts)) return value
  const whose = ['bucket', 'name', 'generation', 'id'].flatMap((part) => row[part] ?? []).join('/')
  throw new ApiError(
    'DATA_LOSS',
    `The state of the local cloud is damaged: the stored data of ${whose} cannot be read (column ${column} of its row in state.db).`,
  )
}

function holds<T>(value: JsonObject, texts: readonly (keyof T & string)[]): value is JsonObject & T {
  return texts.every((name) => typeof value[name] === 'string')
}
