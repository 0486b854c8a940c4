import {Advice, type Render} from '../core/suggestion.ts'
import type {AsJson} from './api.ts'

/** A result as the page reads it: suggestions become text with commands to paste. */
export function rendered<T>(result: T, render: Render): AsJson<T> {
  const text = JSON.stringify(result, (_key, value: unknown) =>
    value instanceof Advice ? render(value) : value,
  )
  const json: AsJson<T> = JSON.parse(text)
  return json
}
