import type {Schema} from '../state/state.ts'

/**
 * Secrets and versions as the JSON that the API returns, and each version's payload until it is destroyed. `project` is
 * the id by which the secret was created, `versions` the number of its newest version. Times are milliseconds since 1970.
 */
export const secretManagerSchema: Schema = {
  name: 'secret-manager',
  migrations: [
    `CREATE TABLE secret_manager_secrets (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       name TEXT NOT NULL UNIQUE,
       parent TEXT NOT NULL,
       project TEXT NOT NULL,
       resource TEXT NOT NULL,
       versions INTEGER NOT NULL,
       expires INTEGER
     ) STRICT;
     CREATE INDEX secret_manager_secrets_by_parent ON secret_manager_secrets (parent, id);
     CREATE TABLE secret_manager_versions (
       secret INTEGER NOT NULL REFERENCES secret_manager_secrets (id) ON DELETE CASCADE,
       number INTEGER NOT NULL,
       resource TEXT NOT NULL,
       payload BLOB,
       destroys INTEGER,
       PRIMARY KEY (secret, number)
     ) STRICT, WITHOUT ROWID;`,
  ],
}
