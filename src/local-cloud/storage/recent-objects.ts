import {Recent} from '../state/recent.ts'
import type {StoredObject} from './stored-object.ts'

const MOST_KEPT = 2000

/**
 * Live objects that were stored, or read from the database, last: most are read soon after they were stored. Do not
 * change what it returns. What a transaction stores is returned only once that is durable, since it may be undone.
 */
export class RecentObjects {
  readonly #recent = new Recent<string, {readonly object: StoredObject; readonly isDurable: boolean}>(
    MOST_KEPT,
    () => 1,
  )

  get(bucket: string, name: string): StoredObject | undefined {
    const kept = this.#recent.get(keyOf({bucket, name}))
    return kept?.isDurable === true ? kept.object : undefined
  }

  /** Keeps a row that was read outside of transactions. */
  read(object: StoredObject): void {
    this.#recent.keep(keyOf(object), {object, isDurable: true})
  }

  /** To be called inside the `State.write` that inserts it. */
  stored(object: StoredObject): void {
    this.#recent.keep(keyOf(object), {object, isDurable: false})
  }

  /** Its `State.write` has succeeded. */
  durable(object: StoredObject): void {
    // Meanwhile another may be stored in its place.
    if (this.#recent.get(keyOf(object))?.object === object) this.read(object)
  }

  /** To be called inside the `State.write` that changes or removes one of its versions. */
  forget(object: Pick<StoredObject, 'bucket' | 'name'>): void {
    this.#recent.forget(keyOf(object))
  }

  clear(): void {
    this.#recent.clear()
  }
}

/** Names of buckets have no slash. */
const keyOf = ({bucket, name}: Pick<StoredObject, 'bucket' | 'name'>): string => `${bucket}/${name}`
