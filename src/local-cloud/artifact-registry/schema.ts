import type {Schema} from '../state/state.ts'

/**
 * `space` is `PROJECT/REPOSITORY`, the first two segments of an image name. A blob's bytes are kept once; a space sees
 * those that were pushed to it or mounted into it, as registries do.
 */
export const registrySchema: Schema = {
  name: 'artifact-registry',
  migrations: [
    `CREATE TABLE registry_repositories (name TEXT PRIMARY KEY, parent TEXT NOT NULL, space TEXT NOT NULL UNIQUE, json TEXT NOT NULL) STRICT;
     CREATE TABLE registry_blobs (digest TEXT PRIMARY KEY, blob TEXT NOT NULL, size INTEGER NOT NULL) STRICT;
     CREATE TABLE registry_links (space TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (space, digest)) STRICT;
     CREATE TABLE registry_uploads (id TEXT PRIMARY KEY, space TEXT NOT NULL, image TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL) STRICT;
     CREATE TABLE registry_manifests (
       space TEXT NOT NULL, image TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL,
       bytes BLOB NOT NULL, config TEXT NOT NULL, image_size INTEGER NOT NULL, uploaded INTEGER NOT NULL,
       PRIMARY KEY (space, image, digest)) STRICT;
     CREATE TABLE registry_tags (space TEXT NOT NULL, image TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (space, image, tag)) STRICT;`,
  ],
}
