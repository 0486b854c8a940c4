import type {SQLOutputValue} from 'node:sqlite'
import {ApiError} from '../wire/api-error.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'

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

/** A column with a JSON object in it. @throws ApiError DATA_LOSS where the row is damaged */
export function storedFields(row: Row, column: string): JsonObject {
  const value = parsed(text(row, column))
  if (isJsonObject(value)) return value
  const whose = ['bucket', 'name', 'generation', 'id'].flatMap((part) => row[part] ?? []).join('/')
  throw new ApiError(
    'DATA_LOSS',
    `The state of the local cloud is damaged: what is kept of ${whose} cannot be read (column ${column} of its row in state.db).`,
  )
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
