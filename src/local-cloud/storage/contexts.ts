import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {invalid} from './errors.ts'
import type {StoredObject} from './stored-object.ts'

/**
 * The contexts of an object after a change, each with when it was created and changed:
 * https://cloud.google.com/storage/docs/object-contexts
 * @throws StorageError 400
 */
export function settledContexts(present: unknown, next: unknown, now: number): JsonObject | undefined {
  const custom = customOf(next)
  if (custom === undefined) return undefined
  const before = customOf(present) ?? {}
  const time = new Date(now).toISOString()
  const entries = Object.entries(custom).flatMap(([key, context]) => {
    if (context === null) return []
    const {value}: JsonObject = isJsonObject(context) ? context : {}
    if (typeof value !== 'string') throw invalid(`Invalid value for the context ${key}: it is not a string.`)
    const old: unknown = before[key]
    if (!isJsonObject(old)) return [[key, {value, createTime: time, updateTime: time}]]
    const updateTime = old['value'] === value ? old['updateTime'] : time
    return [[key, {value, createTime: old['createTime'], updateTime}]]
  })
  return entries.length === 0 ? undefined : {custom: Object.fromEntries(entries)}
}

function customOf(contexts: unknown): JsonObject | undefined {
  const custom = isJsonObject(contexts) ? contexts['custom'] : undefined
  return isJsonObject(custom) ? custom : undefined
}

/**
 * The filter of a list: `contexts."KEY"="VALUE"` or `contexts."KEY":*`, each with a `-` before it for the opposite.
 * @throws StorageError 400 for any other
 */
export function contextFilter(filter: string): (object: StoredObject) => boolean {
  const {not, key, value} =
    /^(?<not>-|NOT )?contexts\."(?<key>[^"]+)"(?:="(?<value>[^"]*)"|:\*)$/.exec(filter.trim())?.groups ?? {}
  if (key === undefined) throw invalid(`Invalid filter: '${filter}'`)
  return ({fields}) => {
    const context = customOf(fields['contexts'])?.[key]
    const holds = isJsonObject(context) && (value === undefined || context['value'] === value)
    return holds === (not === undefined)
  }
}
