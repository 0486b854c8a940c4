import type {Schema} from '../state/state.ts'

export const loggingSchema: Schema = {
  name: 'logging',
  migrations: [
    `CREATE TABLE log_entries (
       sequence INTEGER PRIMARY KEY,
       parent TEXT NOT NULL,
       log_name TEXT NOT NULL,
       timestamp TEXT NOT NULL,
       insert_id TEXT NOT NULL,
       severity INTEGER NOT NULL,
       entry TEXT NOT NULL
     ) STRICT;
     CREATE UNIQUE INDEX log_entries_once ON log_entries (log_name, timestamp, insert_id);
     CREATE INDEX log_entries_in_order ON log_entries (timestamp, insert_id, sequence);
     CREATE TABLE log_labels (
       key TEXT NOT NULL,
       value TEXT NOT NULL,
       timestamp TEXT NOT NULL,
       insert_id TEXT NOT NULL,
       sequence INTEGER NOT NULL,
       PRIMARY KEY (key, value, timestamp, insert_id, sequence)
     ) STRICT, WITHOUT ROWID;`,
  ],
}
