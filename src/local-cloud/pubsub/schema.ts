import type {Schema} from '../state/state.ts'

/**
 * Topics and subscriptions as the JSON that the API returns, each message once, and per subscription a row for each
 * message that it has not acknowledged (or has, but keeps for a seek); the revisions of schemas in their order. Times are milliseconds since 1970.
 */
export const pubsubSchema: Schema = {
  name: 'pubsub',
  migrations: [
    `CREATE TABLE pubsub_topics (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       name TEXT NOT NULL UNIQUE,
       resource TEXT NOT NULL
     ) STRICT;
     CREATE TABLE pubsub_subscriptions (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       name TEXT NOT NULL UNIQUE,
       topic INTEGER REFERENCES pubsub_topics (id) ON DELETE SET NULL,
       resource TEXT NOT NULL
     ) STRICT;
     CREATE INDEX pubsub_subscriptions_by_topic ON pubsub_subscriptions (topic, name);
     CREATE TABLE pubsub_messages (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       topic INTEGER NOT NULL,
       publish_time INTEGER NOT NULL,
       keep_until INTEGER NOT NULL,
       ordering_key TEXT NOT NULL,
       size INTEGER NOT NULL,
       content TEXT NOT NULL
     ) STRICT;
     CREATE TABLE pubsub_backlog (
       subscription INTEGER NOT NULL REFERENCES pubsub_subscriptions (id) ON DELETE CASCADE,
       message INTEGER NOT NULL REFERENCES pubsub_messages (id),
       failures INTEGER NOT NULL DEFAULT 0,
       acknowledged INTEGER NOT NULL DEFAULT 0,
       PRIMARY KEY (subscription, message)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX pubsub_backlog_by_message ON pubsub_backlog (message);`,
    `CREATE TABLE pubsub_schemas (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       name TEXT NOT NULL,
       revision_id TEXT NOT NULL,
       revision TEXT NOT NULL,
       UNIQUE (name, revision_id)
     ) STRICT;`,
    // Deleted revisions keep their place: those that topics allow may begin or end with them.
    'ALTER TABLE pubsub_schemas ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0',
  ],
}
