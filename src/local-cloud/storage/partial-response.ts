import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {invalid} from './errors.ts'
import type {WantedMembers} from './object-json.ts'

/** What is wanted of an object: its members, each whole or in part. */
type Mask = Map<string, Mask>

/**
 * The part of an answer that `fields` names: `items(name,size),nextPageToken`, `items/name`, `*`.
 * https://cloud.google.com/storage/docs/json_api#partial-response
 * @throws StorageError 400 if it cannot be read
 */
export function partOf(json: JsonObject, fields: string): JsonObject {
  return pick(json, maskOf(fields))
}

/**
 * Which members of a member, or of each of its items, `fields` names: no others need to be built.
 * @returns `undefined`: all
 * @throws StorageError 400 if it cannot be read
 */
export function membersWanted(fields: string, member: string): ReadonlySet<string> | undefined {
  const inner = within(fields, member)
  return inner && new Set(inner.keys())
}

/** The same, with those of their own members that are wanted; `undefined` if only a part of one of these is. */
export function partsWanted(fields: string, member: string): WantedMembers | undefined {
  const inner = within(fields, member)
  const isWhole = (part: Mask): boolean => part.size === 0
  if (inner?.values().every((part) => part.values().every(isWhole)) !== true) return undefined
  return new Map(inner.entries().map(([name, part]) => [name, new Set(part.keys())]))
}

function within(fields: string, member: string): Mask | undefined {
  if (fields === '') return undefined
  const mask = maskOf(fields)
  const inner = mask.get(member) ?? mask.get('*')
  return inner === undefined || inner.size === 0 || inner.has('*') ? undefined : inner
}

function maskOf(fields: string): Mask {
  const reader = {text: fields.replaceAll(/\s/g, ''), at: 0}
  const mask = readMask(reader)
  if (reader.at < reader.text.length) throw invalid(`Invalid field selection ${fields}`)
  return mask
}

function readMask(reader: {text: string; at: number}): Mask {
  const mask: Mask = new Map()
  for (;;) {
    const name = /^[\w*.-]+/.exec(reader.text.slice(reader.at))?.[0]
    if (name === undefined) throw invalid(`Invalid field selection ${reader.text}`)
    reader.at += name.length
    const next = reader.text[reader.at]
    let inner: Mask = new Map()
    if (next === '/') {
      reader.at += 1
      const path =
        /^[\w*./-]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?/.exec(reader.text.slice(reader.at))?.[0] ?? ''
      inner = readMask({text: path, at: 0})
      reader.at += path.length
    } else if (next === '(') {
      reader.at += 1
      inner = readMask(reader)
      if (reader.text[reader.at] !== ')') throw invalid(`Invalid field selection ${reader.text}`)
      reader.at += 1
    }
    const present = mask.get(name)
    mask.set(name, present === undefined ? inner : new Map([...present, ...inner]))
    if (reader.text[reader.at] !== ',') return mask
    reader.at += 1
  }
}

function pick(value: JsonObject, mask: Mask): JsonObject {
  if (mask.size === 0) return value
  const part: Record<string, unknown> = {}
  const others = mask.get('*')
  for (const name in value) {
    const inner = mask.get(name) ?? others
    if (inner !== undefined) part[name] = pickWithin(value[name], inner)
  }
  return part
}

function pickWithin(value: unknown, mask: Mask): unknown {
  if (mask.size === 0) return value
  if (Array.isArray(value)) return value.map((each: unknown) => pickWithin(each, mask))
  return isJsonObject(value) ? pick(value, mask) : value
}
