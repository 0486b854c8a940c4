import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {invalid, missingParameter} from './errors.ts'
import {storageClassOf, textField, type StoredObject} from './stored-object.ts'
import {cheapest, checkStorageClass, mayBecome} from './storage-classes.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const ACTIONS = ['Delete', 'SetStorageClass', 'AbortIncompleteMultipartUpload']
/** What an unfinished upload, which has no version or class, can be chosen by. */
const CONDITIONS_OF_UPLOADS = new Set(['age', 'matchesPrefix', 'matchesSuffix'])

/** When a condition is checked. */
interface Moment {
  /** Milliseconds since 1970. */
  readonly now: number
  /** How many versions of the object are newer; asked for only by rules that count them. */
  readonly newerVersions: () => number
}

/** An object, or an unfinished upload of one. */
type Subject = Pick<StoredObject, 'name' | 'timeCreated' | 'timeDeleted' | 'fields'>

type Check = (subject: Subject, moment: Moment) => boolean

/** What Google knows as conditions (https://cloud.google.com/storage/docs/lifecycle#conditions): how each is read. */
const CONDITIONS: Readonly<Record<string, (value: unknown, name: string) => Check>> = {
  age: (value, name) => elapsed(days(value, name), ({timeCreated}) => timeCreated),
  createdBefore: (value, name) => before(date(value, name), ({timeCreated}) => timeCreated),
  customTimeBefore: (value, name) => before(date(value, name), customTime),
  daysSinceCustomTime: (value, name) => elapsed(days(value, name), customTime),
  daysSinceNoncurrentTime: (value, name) => elapsed(days(value, name), ({timeDeleted}) => timeDeleted),
  noncurrentTimeBefore: (value, name) => before(date(value, name), ({timeDeleted}) => timeDeleted),
  isLive(value, name) {
    if (typeof value !== 'boolean') throw invalidCondition(name, value, 'true or false')
    return ({timeDeleted}) => (timeDeleted === undefined) === value
  },
  numNewerVersions(value, name) {
    const least = days(value, name)
    return (_object, {newerVersions}) => least === 0 || newerVersions() >= least
  },
  matchesPrefix(value, name) {
    const prefixes = texts(value, name)
    return (object) => prefixes.some((prefix) => object.name.startsWith(prefix))
  },
  matchesSuffix(value, name) {
    const suffixes = texts(value, name)
    return (object) => suffixes.some((suffix) => object.name.endsWith(suffix))
  },
  matchesStorageClass(value, name) {
    const classes = texts(value, name)
    for (const each of classes) checkStorageClass(each)
    return (object) => classes.includes(storageClassOf(object))
  },
}

/** A rule of a bucket's lifecycle. */
export interface LifecycleRule {
  readonly action: 'Delete' | 'SetStorageClass' | 'AbortIncompleteMultipartUpload'
  /** Only of SetStorageClass. */
  readonly storageClass: string
  readonly applies: Check
}

/**
 * The rules of a `lifecycle` as a bucket has it.
 * @throws StorageError 400 if one has an unknown action or condition, or none
 */
export function lifecycleRules(lifecycle: unknown): LifecycleRule[] {
  const rules = isJsonObject(lifecycle) ? (lifecycle['rule'] ?? []) : []
  if (!Array.isArray(rules)) throw invalid('Invalid value for the bucket\'s lifecycle: "rule" is not a list.')
  return rules.map((rule: unknown) => {
    if (!isJsonObject(rule) || !isJsonObject(rule['action'])) throw missingParameter('lifecycle.rule.action')
    if (!isJsonObject(rule['condition'])) throw missingParameter('lifecycle.rule.condition')
    return ruleOf(rule['action'], rule['condition'])
  })
}

function ruleOf({type, storageClass}: JsonObject, condition: JsonObject): LifecycleRule {
  const action = ACTIONS.find((name) => name === type)
  if (action !== 'Delete' && action !== 'SetStorageClass' && action !== 'AbortIncompleteMultipartUpload')
    throw invalid(`Invalid lifecycle action ${JSON.stringify(type)}; it is one of ${ACTIONS.join(', ')}.`)
  if (action === 'SetStorageClass') checkStorageClass(storageClass)
  const given = Object.entries(condition).filter(([, value]) => value !== null)
  if (given.length === 0) throw invalid('A lifecycle rule needs at least one condition.')
  const checks = given.map(([name, value]) => {
    const read = CONDITIONS[name]
    if (read === undefined) throw invalid(`Unknown lifecycle condition: ${name}`)
    if (action === 'AbortIncompleteMultipartUpload' && !CONDITIONS_OF_UPLOADS.has(name))
      throw invalid(`The lifecycle action ${action} does not take the condition ${name}.`)
    return read(value, name)
  })
  return {
    action,
    storageClass: typeof storageClass === 'string' ? storageClass.toUpperCase() : '',
    applies: (object, moment) => checks.every((check) => check(object, moment)),
  }
}

/**
 * What is due to an object: a deletion before a change of class, and of several classes the cheapest.
 * https://cloud.google.com/storage/docs/lifecycle#configuration
 */
export function dueAction(
  rules: readonly LifecycleRule[],
  object: StoredObject,
  moment: Moment,
): 'delete' | {readonly storageClass: string} | undefined {
  const due = rules.filter(({applies}) => applies(object, moment))
  if (due.some(({action}) => action === 'Delete')) return 'delete'
  const present = storageClassOf(object)
  const storageClass = cheapest(
    due
      .filter(({action, storageClass: next}) => action === 'SetStorageClass' && mayBecome(present, next))
      .map(({storageClass: next}) => next),
  )
  return storageClass === undefined ? undefined : {storageClass}
}

/** Whether an unfinished upload in parts is to be given up. */
export function isAbortDue(
  rules: readonly LifecycleRule[],
  {name, timeCreated}: {name: string; timeCreated: number},
  now: number,
): boolean {
  const subject = {name, timeCreated, timeDeleted: undefined, fields: {}}
  return rules.some(
    ({action, applies}) =>
      action === 'AbortIncompleteMultipartUpload' && applies(subject, {now, newerVersions: () => 0}),
  )
}

type TimeOf = (object: Subject) => number | undefined

function elapsed(count: number, timeOf: TimeOf): Check {
  return (object, {now}) => {
    const time = timeOf(object)
    return time !== undefined && now >= time + count * DAY_MS
  }
}

function before(limit: number, timeOf: TimeOf): Check {
  return (object) => {
    const time = timeOf(object)
    return time !== undefined && time < limit
  }
}

function customTime(object: Subject): number | undefined {
  const time = textField(object, 'customTime')
  return time === undefined ? undefined : Date.parse(time)
}

function days(value: unknown, name: string): number {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
    throw invalidCondition(name, value, 'a whole number from 0')
  return count
}

/** Midnight in UTC at which a day begins. */
function date(value: unknown, name: string): number {
  const midnight =
    typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(midnight)) throw invalidCondition(name, value, 'a date such as 2026-01-31')
  return midnight
}

function texts(value: unknown, name: string): string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidCondition(name, value, 'a list of texts')
  return value.map((each: unknown) => {
    if (typeof each !== 'string') throw invalidCondition(name, value, 'a list of texts')
    return each
  })
}

function invalidCondition(name: string, value: unknown, wanted: string): Error {
  return invalid(
    `Invalid value for the lifecycle condition ${name}: ${JSON.stringify(value)} is not ${wanted}.`,
  )
}
