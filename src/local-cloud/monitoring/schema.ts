import type {Schema} from '../state/state.ts'

/**
 * Channels and policies as the JSON that the API returns, and the open incidents: one for a condition. Times are
 * milliseconds since 1970.
 */
export const monitoringSchema: Schema = {
  name: 'monitoring',
  migrations: [
    `CREATE TABLE monitoring_resources (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       name TEXT NOT NULL UNIQUE,
       parent TEXT NOT NULL,
       resource TEXT NOT NULL
     ) STRICT;
     CREATE INDEX monitoring_resources_by_parent ON monitoring_resources (parent, id);
     CREATE TABLE monitoring_incidents (
       condition TEXT PRIMARY KEY,
       incident TEXT NOT NULL,
       started INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;`,
  ],
}
