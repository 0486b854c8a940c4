import type {Schema} from '../state/state.ts'

/**
 * Tables of Cloud Storage. Times are milliseconds since 1970, generations microseconds; `fields` is the JSON that a
 * caller may set, as it was sent. An object's row without `time_deleted` is the live version.
 */
export const storageSchema: Schema = {
  name: 'storage',
  migrations: [
    `CREATE TABLE storage_buckets (
       name TEXT PRIMARY KEY,
       project TEXT NOT NULL,
       metageneration INTEGER NOT NULL,
       generation INTEGER NOT NULL,
       time_created INTEGER NOT NULL,
       updated INTEGER NOT NULL,
       last_notification INTEGER NOT NULL,
       fields TEXT NOT NULL
     ) STRICT;
     CREATE INDEX storage_buckets_by_project ON storage_buckets (project, name);

     CREATE TABLE storage_objects (
       bucket TEXT NOT NULL,
       name TEXT NOT NULL,
       generation INTEGER NOT NULL,
       metageneration INTEGER NOT NULL,
       blob TEXT NOT NULL,
       size INTEGER NOT NULL,
       md5 TEXT,
       crc32c TEXT NOT NULL,
       component_count INTEGER,
       time_created INTEGER NOT NULL,
       updated INTEGER NOT NULL,
       time_deleted INTEGER,
       fields TEXT NOT NULL,
       PRIMARY KEY (bucket, name, generation)
     ) STRICT, WITHOUT ROWID;
     CREATE UNIQUE INDEX storage_live_objects ON storage_objects (bucket, name) WHERE time_deleted IS NULL;
     CREATE INDEX storage_objects_by_blob ON storage_objects (blob);

     CREATE TABLE storage_last_generation (value INTEGER NOT NULL) STRICT;
     INSERT INTO storage_last_generation (value) VALUES (0);

     CREATE TABLE storage_notifications (
       bucket TEXT NOT NULL,
       id INTEGER NOT NULL,
       fields TEXT NOT NULL,
       PRIMARY KEY (bucket, id)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE storage_uploads (
       id TEXT PRIMARY KEY,
       bucket TEXT NOT NULL,
       time_created INTEGER NOT NULL,
       state TEXT NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
       blob TEXT,
       total INTEGER,
       generation INTEGER,
       draft TEXT NOT NULL
     ) STRICT;
     CREATE INDEX storage_uploads_by_time ON storage_uploads (time_created);`,
    'CREATE INDEX storage_uploads_by_blob ON storage_uploads (blob)',
    `ALTER TABLE storage_objects ADD COLUMN class_updated INTEGER;
     ALTER TABLE storage_objects ADD COLUMN hold_released INTEGER;
     CREATE TABLE storage_soft_deleted (
       bucket TEXT NOT NULL,
       name TEXT NOT NULL,
       generation INTEGER NOT NULL,
       blob TEXT NOT NULL,
       hard_delete_time INTEGER NOT NULL,
       object TEXT NOT NULL,
       PRIMARY KEY (bucket, name, generation)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX storage_soft_deleted_by_time ON storage_soft_deleted (hard_delete_time);
     CREATE INDEX storage_soft_deleted_by_blob ON storage_soft_deleted (blob);`,
    `CREATE TABLE storage_part_uploads (
       id TEXT PRIMARY KEY,
       bucket TEXT NOT NULL,
       name TEXT NOT NULL,
       time_created INTEGER NOT NULL,
       draft TEXT NOT NULL
     ) STRICT;
     CREATE INDEX storage_part_uploads_by_bucket ON storage_part_uploads (bucket, name);
     CREATE TABLE storage_parts (
       upload TEXT NOT NULL,
       number INTEGER NOT NULL,
       blob TEXT NOT NULL,
       size INTEGER NOT NULL,
       md5 TEXT NOT NULL,
       updated INTEGER NOT NULL,
       PRIMARY KEY (upload, number)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX storage_parts_by_blob ON storage_parts (blob);`,
    `CREATE TABLE storage_hmac_keys (
       access_id TEXT PRIMARY KEY,
       project TEXT NOT NULL,
       email TEXT NOT NULL,
       secret TEXT NOT NULL,
       state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'INACTIVE', 'DELETED')),
       time_created INTEGER NOT NULL,
       updated INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;`,
    `CREATE TABLE storage_soft_deleted_buckets (
       name TEXT NOT NULL,
       generation INTEGER NOT NULL,
       project TEXT NOT NULL,
       hard_delete_time INTEGER NOT NULL,
       bucket TEXT NOT NULL,
       policy TEXT NOT NULL,
       PRIMARY KEY (name, generation)
     ) STRICT, WITHOUT ROWID;`,
    `CREATE TABLE storage_managed_folders (
       bucket TEXT NOT NULL,
       name TEXT NOT NULL,
       time_created INTEGER NOT NULL,
       PRIMARY KEY (bucket, name)
     ) STRICT, WITHOUT ROWID;`,
    `CREATE TABLE storage_folders (
       bucket TEXT NOT NULL,
       name TEXT NOT NULL,
       metageneration INTEGER NOT NULL,
       time_created INTEGER NOT NULL,
       updated INTEGER NOT NULL,
       PRIMARY KEY (bucket, name)
     ) STRICT, WITHOUT ROWID;`,
  ],
}
