import {findField} from './fields.ts'
import type {Expression} from './parse.ts'
import {parseSeverity, parseTimestamp} from './values.ts'

/**
 * What every match of a filter certainly has, for the database to narrow the search by. A filter may ask for more;
 * the caller evaluates the whole filter on what is left.
 */
export interface Bounds {
  /** Inclusive, as `parseTimestamp` writes them. */
  readonly timestampFrom?: string
  readonly timestampTo?: string
  readonly severityFrom?: number
  /** One label of the entry, and the values that it may have, in lower case. */
  readonly label?: {readonly key: string; readonly values: readonly string[]}
}

/** Looks through the comparisons that all have to hold: the filter itself, or the terms of its AND. */
export function boundsOf(expression: Expression): Bounds {
  const terms = expression.kind === 'and' ? expression.terms : [expression]
  return terms.map(boundsOfTerm).reduce(narrower, {})
}

function boundsOfTerm(term: Expression): Bounds {
  if (term.kind === 'and') return boundsOf(term)
  if (term.kind === 'or') return oneLabel(term.terms.map(boundsOfTerm))
  if (term.kind !== 'comparison') return {}
  const {operator, value} = term
  const field = findField(term.path)
  if ('undefinedField' in field) return {}
  const [name, key] = field.keys
  if (name === 'timestamp') {
    const timestamp = parseTimestamp(value.text)
    if (timestamp === undefined) return {}
    return {
      ...(operator === '>' || operator === '>=' || operator === '=' ? {timestampFrom: timestamp} : {}),
      ...(operator === '<' || operator === '<=' || operator === '=' ? {timestampTo: timestamp} : {}),
    }
  }
  if (name === 'severity' && (operator === '>' || operator === '>=' || operator === '=')) {
    const severityFrom = parseSeverity(value.text)
    return severityFrom === undefined ? {} : {severityFrom}
  }
  if (name === 'labels' && key !== undefined && operator === '=') {
    return {label: {key, values: [value.text.toLowerCase()]}}
  }
  return {}
}

/** Of alternatives: the label that each of them bounds. */
function oneLabel(alternatives: readonly Bounds[]): Bounds {
  const labels = alternatives.flatMap(({label}) => label ?? [])
  const key = labels[0]?.key
  if (key === undefined || labels.length < alternatives.length || labels.some((label) => label.key !== key))
    return {}
  return {label: {key, values: labels.flatMap(({values}) => values)}}
}

function narrower(left: Bounds, right: Bounds): Bounds {
  return {
    ...left,
    ...right,
    ...pick('timestampFrom', left.timestampFrom, right.timestampFrom, (a, b) => (a > b ? a : b)),
    ...pick('timestampTo', left.timestampTo, right.timestampTo, (a, b) => (a < b ? a : b)),
    ...pick('severityFrom', left.severityFrom, right.severityFrom, Math.max),
  }
}

function pick<K extends string, T>(
  key: K,
  left: T | undefined,
  right: T | undefined,
  choose: (a: T, b: T) => T,
): {[P in K]?: T} {
  if (left === undefined || right === undefined) return {}
  const chosen: {[P in K]?: T} = {}
  chosen[key] = choose(left, right)
  return chosen
}
