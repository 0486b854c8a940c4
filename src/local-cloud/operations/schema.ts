import type {Schema} from '../state/state.ts'

export const operationsSchema: Schema = {
  name: 'operations',
  migrations: [
    `CREATE TABLE operations (name TEXT PRIMARY KEY, parent TEXT NOT NULL, type TEXT NOT NULL, done INTEGER NOT NULL, json TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
     CREATE INDEX operations_by_parent ON operations (parent, created);`,
  ],
}
