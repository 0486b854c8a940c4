import type {DatabaseSync} from 'node:sqlite'
import {integer, type Row, storedJson, text} from '../state/rows.ts'
import type {Secret, SecretVersion} from './resources.ts'

export interface StoredSecret {
  /** Of its row; rises with each new secret. */
  readonly key: number
  /** The id (or number) of the project by which it was created. */
  readonly project: string
  /** Number of its newest version; 0 if it has none. */
  readonly versions: number
  readonly resource: Secret
}

export interface StoredVersion {
  readonly number: number
  readonly resource: SecretVersion
}

export type SecretStore = ReturnType<typeof createSecretStore>

/** The rows of secrets and their versions. Call functions that change them inside `State.write`. */
export function createSecretStore(database: DatabaseSync) {
  const columns = 'id, project, versions, resource'
  const sql = {
    secret: database.prepare(`SELECT ${columns} FROM secret_manager_secrets WHERE name = ?`),
    secrets: database.prepare(
      `SELECT ${columns} FROM secret_manager_secrets WHERE parent = ? AND id < ? ORDER BY id DESC`,
    ),
    count: database.prepare('SELECT count(*) AS n FROM secret_manager_secrets WHERE parent = ?'),
    project: database.prepare('SELECT project FROM secret_manager_secrets WHERE parent = ? LIMIT 1'),
    insert: database.prepare(
      'INSERT INTO secret_manager_secrets (name, parent, project, resource, versions, expires) VALUES (?, ?, ?, ?, 0, ?)',
    ),
    update: database.prepare('UPDATE secret_manager_secrets SET resource = ?, expires = ? WHERE id = ?'),
    remove: database.prepare('DELETE FROM secret_manager_secrets WHERE id = ?'),
    version: database.prepare(
      'SELECT number, resource FROM secret_manager_versions WHERE secret = ? AND number = ?',
    ),
    versions: database.prepare(
      'SELECT number, resource FROM secret_manager_versions WHERE secret = ? AND number < ? ORDER BY number DESC',
    ),
    payload: database.prepare('SELECT payload FROM secret_manager_versions WHERE secret = ? AND number = ?'),
    insertVersion: database.prepare(
      'INSERT INTO secret_manager_versions (secret, number, resource, payload) VALUES (?, ?, ?, ?)',
    ),
    newest: database.prepare('UPDATE secret_manager_secrets SET versions = ? WHERE id = ?'),
    updateVersion: database.prepare(
      'UPDATE secret_manager_versions SET resource = ?, destroys = ? WHERE secret = ? AND number = ?',
    ),
    dropPayload: database.prepare(
      'UPDATE secret_manager_versions SET payload = NULL WHERE secret = ? AND number = ?',
    ),
    expired: database.prepare(`SELECT ${columns} FROM secret_manager_secrets WHERE expires <= ?`),
    due: database.prepare('SELECT secret, number, resource FROM secret_manager_versions WHERE destroys <= ?'),
    next: database.prepare(
      `SELECT min(at) AS at FROM (
         SELECT min(expires) AS at FROM secret_manager_secrets
         UNION ALL SELECT min(destroys) FROM secret_manager_versions)`,
    ),
  }

  return {
    secret(name: string): StoredSecret | undefined {
      const row = sql.secret.get(name)
      return row && toSecret(row)
    },
    /** Secrets of `projects/NUMBER`, newest first, that are older than the one whose key is `before`. */
    *secrets(parent: string, before = Number.MAX_SAFE_INTEGER): Generator<StoredSecret> {
      for (const row of sql.secrets.iterate(parent, before)) yield toSecret(row)
    },
    count: (parent: string): number => Number(sql.count.get(parent)?.['n'] ?? 0),
    /** The id of the project with this number, if a secret was created by it. */
    projectOf(parent: string): string | undefined {
      const row = sql.project.get(parent)
      return row && text(row, 'project')
    },
    insert(resource: Secret, parent: string, project: string): void {
      sql.insert.run(resource.name, parent, project, JSON.stringify(resource), expiryOf(resource))
    },
    update(key: number, resource: Secret): void {
      sql.update.run(JSON.stringify(resource), expiryOf(resource), key)
    },
    /** Removes a secret with all its versions. */
    remove(key: number): void {
      sql.remove.run(key)
    },
    version(secret: number, number: number): StoredVersion | undefined {
      const row = sql.version.get(secret, number)
      return row && toVersion(row)
    },
    /** Versions of a secret, newest first, with lower numbers than `before`. */
    *versions(secret: number, before = Number.MAX_SAFE_INTEGER): Generator<StoredVersion> {
      for (const row of sql.versions.iterate(secret, before)) yield toVersion(row)
    },
    /** What a version keeps secret; `undefined` once it is destroyed. */
    payload(secret: number, number: number): Buffer | undefined {
      const payload = sql.payload.get(secret, number)?.['payload']
      return payload instanceof Uint8Array ? Buffer.from(payload) : undefined
    },
    insertVersion(secret: number, number: number, resource: SecretVersion, payload: Buffer): void {
      sql.insertVersion.run(secret, number, JSON.stringify(resource), payload)
      sql.newest.run(number, secret)
    },
    /** Writes a version; a destroyed one loses its payload. */
    updateVersion(secret: number, number: number, resource: SecretVersion): void {
      const {scheduledDestroyTime: destroys, state} = resource
      const at = destroys === undefined ? null : Date.parse(destroys)
      sql.updateVersion.run(JSON.stringify(resource), at, secret, number)
      if (state === 'DESTROYED') sql.dropPayload.run(secret, number)
    },
    /** Secrets that expire by `now`. */
    expired: (now: number): StoredSecret[] => sql.expired.all(now).map(toSecret),
    /** Versions that are to be destroyed by `now`. */
    due: (now: number): (StoredVersion & {secret: number})[] =>
      sql.due.all(now).map((row) => ({secret: integer(row, 'secret'), ...toVersion(row)})),
    /** When the next secret expires or the next version is destroyed. */
    nextDue(): number | undefined {
      const at = sql.next.get()?.['at']
      return typeof at === 'number' ? at : undefined
    },
  }
}

function toSecret(row: Row): StoredSecret {
  return {
    key: integer(row, 'id'),
    project: text(row, 'project'),
    versions: integer(row, 'versions'),
    resource: storedJson<Secret>(row, 'resource', 'name', 'etag'),
  }
}

function toVersion(row: Row): StoredVersion {
  return {
    number: integer(row, 'number'),
    resource: storedJson<SecretVersion>(row, 'resource', 'name', 'state', 'etag'),
  }
}

function expiryOf({expireTime}: Secret): number | null {
  return expireTime === undefined ? null : Date.parse(expireTime)
}
