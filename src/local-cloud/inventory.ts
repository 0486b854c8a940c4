import {integer, storedJson, text} from './state/rows.ts'
import type {State} from './state/state.ts'
import type {Clock} from './wire/clock.ts'

/** What would be lost with the local cloud besides buckets, in all projects. */
export interface Inventory {
  /**
   * Number of topics, subscriptions, schemas, secrets, services, jobs, repositories, service accounts and soft-deleted
   * buckets.
   */
  readonly others: number
  /** The secrets among them: `projects/PROJECT_ID/secrets/NAME`. */
  readonly secrets: readonly string[]
  /** The soft-deleted buckets among them, with their labels. */
  readonly softDeletedBuckets: readonly {readonly name: string; readonly labels: object}[]
}

const COUNTED = [
  'pubsub_topics',
  'pubsub_subscriptions',
  'pubsub_schemas',
  'run_services',
  'run_jobs',
  'registry_repositories',
  'iam_service_accounts',
]

/** Reads what a state holds, whatever service it belongs to. */
export function createInventory({state: {database}, clock}: {state: State; clock: Clock}): () => Inventory {
  const counts = database.prepare(
    `SELECT ${COUNTED.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ')} AS count`,
  )
  const secretNames = database.prepare('SELECT project, name FROM secret_manager_secrets ORDER BY id')
  const deletedBuckets = database.prepare(
    `SELECT name, ifnull(bucket -> '$.fields.labels', '{}') AS labels FROM storage_soft_deleted_buckets
     WHERE hard_delete_time > ? ORDER BY name, generation`,
  )
  return () => {
    const secrets = secretNames
      .all()
      .map((row) => `projects/${text(row, 'project')}/secrets/${text(row, 'name').split('/').at(-1)}`)
    const softDeletedBuckets = deletedBuckets
      .all(clock.now())
      .map((row) => ({name: text(row, 'name'), labels: storedJson(row, 'labels')}))
    const others = integer(counts.get() ?? {}, 'count') + secrets.length + softDeletedBuckets.length
    return {others, secrets, softDeletedBuckets}
  }
}
