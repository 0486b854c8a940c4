import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {Bucket} from './bucket.ts'
import {invalid, StorageError} from './errors.ts'
import type {StoredObject} from './stored-object.ts'

/** "Up to 100 years": https://cloud.google.com/storage/docs/bucket-lock */
const LONGEST_RETENTION_SECONDS = 3_155_760_000
const MODES = new Set(['Unlocked', 'Locked'])

const retentionNotMet = (message: string): StorageError =>
  new StorageError(403, 'retentionPolicyNotMet', message)

function periodMs(bucket: Bucket | undefined): number | undefined {
  const policy = bucket?.fields['retentionPolicy']
  return isJsonObject(policy) ? Number(policy['retentionPeriod']) * 1000 : undefined
}

/**
 * Until when an object is retained, by its bucket's policy or its own retention, whichever is longer; milliseconds
 * since 1970. `undefined` under an event-based hold: then the period starts at its release.
 */
export function retainedUntil(bucket: Bucket | undefined, object: StoredObject): number | undefined {
  if (object.fields['eventBasedHold'] === true) return undefined
  const period = periodMs(bucket)
  const times = [
    ...(period === undefined ? [] : [(object.holdReleased ?? object.timeCreated) + period]),
    ...(retentionOf(object.fields)?.untilMs ?? []),
  ]
  return times.length === 0 ? undefined : Math.max(...times)
}

/**
 * Refuses what would delete or replace an object that is held or retained; the messages are Google's own.
 * @param becomesNoncurrent whether it is kept as a noncurrent version, which retention allows and a hold does not
 * @throws StorageError 403: https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden
 */
export function checkUnprotected(
  bucket: Bucket,
  object: StoredObject,
  now: number,
  becomesNoncurrent: boolean,
): void {
  const name = `Object '${object.bucket}/${object.name}'`
  const hold =
    (object.fields['temporaryHold'] === true && 'Temporary') ||
    (object.fields['eventBasedHold'] === true && 'Event-Based')
  if (hold !== false) {
    throw new StorageError(
      403,
      'objectUnderActiveHold',
      `${name} is under active ${hold} hold and cannot be deleted, overwritten or archived until hold is removed.`,
    )
  }
  const until = retainedUntil(bucket, object)
  if (becomesNoncurrent || until === undefined || until <= now) return
  throw retentionNotMet(
    `${name} is subject to bucket's retention policy or object retention and cannot be deleted or overwritten ` +
      `until ${new Date(until).toISOString()}`,
  )
}

/**
 * A bucket's retention policy as it is kept after a change: what the server determines of it comes from `present`.
 * @throws StorageError 400, 403 if a locked policy would shrink or go
 */
export function settledRetentionPolicy(
  bucket: string,
  {present, next, now}: {present: unknown; next: unknown; now: number},
): JsonObject | undefined {
  const before = isJsonObject(present) ? present : undefined
  const locked = before?.['isLocked'] === true
  if (!isJsonObject(next) || next['retentionPeriod'] === undefined || next['retentionPeriod'] === null) {
    if (locked)
      throw retentionNotMet(`Bucket '${bucket}' has a locked Retention Policy which cannot be removed.`)
    return undefined
  }
  const period = Number(next['retentionPeriod'])
  if (!Number.isSafeInteger(period) || period < 1 || period > LONGEST_RETENTION_SECONDS) {
    throw invalid(
      `Invalid retentionPolicy.retentionPeriod: it is 1 to ${LONGEST_RETENTION_SECONDS} seconds, not ` +
        `${JSON.stringify(next['retentionPeriod'])}.`,
    )
  }
  const previous = Number(before?.['retentionPeriod'])
  if (locked && period < previous) {
    throw retentionNotMet(
      `Cannot reduce retention duration of a locked Retention Policy for bucket '${bucket}'.`,
    )
  }
  return {
    retentionPeriod: String(period),
    effectiveTime: period === previous ? before?.['effectiveTime'] : new Date(now).toISOString(),
    ...(locked ? {isLocked: true} : {}),
  }
}

/** Locks a bucket's policy. @throws StorageError 400 if there is none */
export function lockedRetentionPolicy(bucket: Bucket): JsonObject {
  const policy = bucket.fields['retentionPolicy']
  if (!isJsonObject(policy) || policy['isLocked'] === true) {
    throw invalid(`Bucket '${bucket.name}' has no unlocked retention policy that could be locked.`)
  }
  return {...policy, isLocked: true}
}

/** An object's own retention. */
interface ObjectRetention {
  readonly locked: boolean
  readonly untilMs: number[]
}

function retentionOf({retention}: JsonObject): ObjectRetention | undefined {
  if (!isJsonObject(retention)) return undefined
  return {
    locked: retention['mode'] === 'Locked',
    untilMs: [Date.parse(String(retention['retainUntilTime']))],
  }
}

/**
 * Checks the holds and the retention that an object gets: https://cloud.google.com/storage/docs/object-lock
 * @param present its fields so far, `{}` of a new object
 * @param override whether the caller may loosen a retention that is not locked (`overrideUnlockedRetention`)
 * @throws StorageError 400, 403 if a retention would be loosened
 */
export function checkRetentionChange(
  bucket: Bucket,
  {present, next, override, now}: {present: JsonObject; next: JsonObject; override: boolean; now: number},
): void {
  const before = retentionOf(present)
  const after = retentionOf(next)
  const [until = Number.NEGATIVE_INFINITY] = after?.untilMs ?? []
  const [previous = Number.NEGATIVE_INFINITY] = before?.untilMs ?? []
  if (after !== undefined && JSON.stringify(next['retention']) !== JSON.stringify(present['retention'])) {
    const {mode, retainUntilTime} = isJsonObject(next['retention']) ? next['retention'] : {}
    if (bucket.fields['objectRetention'] === undefined)
      throw invalid(`Object retention is not enabled on bucket '${bucket.name}'.`)
    if (!MODES.has(String(mode)) || Number.isNaN(until)) {
      throw invalid(
        'Invalid retention: it has a mode, Unlocked or Locked, and a retainUntilTime in RFC 3339.',
      )
    }
    if (until <= now) throw invalid(`The retainUntilTime ${String(retainUntilTime)} is not in the future.`)
  }
  if (after !== undefined && next['eventBasedHold'] === true)
    throw invalid('An object cannot have both a retention configuration and an event-based hold.')
  if (before === undefined) return
  const loosened = until < previous || (before.locked && after?.locked !== true)
  const lockedNow = !before.locked && after?.locked === true
  if ((before.locked && loosened) || (!override && (loosened || lockedNow))) {
    throw new StorageError(
      403,
      'forbidden',
      before.locked
        ? 'A locked retention can only be extended.'
        : 'To shorten, remove or lock an unlocked retention, send overrideUnlockedRetention=true.',
    )
  }
}
