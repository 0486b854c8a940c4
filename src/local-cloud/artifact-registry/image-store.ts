import type {Readable} from 'node:stream'
import type {BlobInfo} from '../state/blobs.ts'
import {type Row, storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {Image, Images} from './images.ts'
import {parseManifest, type ImageConfig, type Manifest} from './manifest.ts'
import {parseReference} from './reference.ts'

/** An image's place: `space` is `PROJECT/REPOSITORY`. */
export interface ImageName {
  readonly space: string
  readonly image: string
}

export interface StoredManifest extends ImageName {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly config: ImageConfig
  /** Of configuration and layers together, in bytes. */
  readonly imageSizeBytes: number
  /** Milliseconds since 1970. */
  readonly uploaded: number
}

export interface Upload extends ImageName {
  readonly id: string
  readonly blob: string
  readonly sizeBytes: number
}

export type ImageStore = ReturnType<typeof createImageStore>

/** Rows and bytes of the registry's blobs, manifests and tags. Methods that change rows belong inside `State.write`. */
export function createImageStore({state, clock}: {state: State; clock: Clock}) {
  const {database, blobs} = state
  const prepare = (sql: string) => database.prepare(sql)
  const sql = {
    blob: prepare('SELECT blob, size FROM registry_blobs WHERE digest = ?'),
    linked: prepare('SELECT 1 FROM registry_links WHERE space = ? AND digest = ?'),
    addBlob: prepare(
      'INSERT INTO registry_blobs (digest, blob, size) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING',
    ),
    link: prepare('INSERT INTO registry_links (space, digest) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    unlink: prepare('DELETE FROM registry_links WHERE space = ?'),
    orphans: prepare(
      'SELECT digest, blob FROM registry_blobs WHERE digest NOT IN (SELECT digest FROM registry_links)',
    ),
    removeBlob: prepare('DELETE FROM registry_blobs WHERE digest = ?'),
    upload: prepare('SELECT id, space, image, blob, size FROM registry_uploads WHERE id = ?'),
    addUpload: prepare('INSERT INTO registry_uploads (id, space, image, blob, size) VALUES (?, ?, ?, ?, 0)'),
    growUpload: prepare('UPDATE registry_uploads SET size = ? WHERE id = ?'),
    removeUpload: prepare('DELETE FROM registry_uploads WHERE id = ?'),
    manifest: prepare('SELECT * FROM registry_manifests WHERE space = ? AND image = ? AND digest = ?'),
    place: prepare('SELECT space, image FROM registry_manifests WHERE digest = ? ORDER BY uploaded LIMIT 1'),
    manifests: prepare('SELECT * FROM registry_manifests WHERE space = ? ORDER BY image, digest'),
    addManifest: prepare(
      `INSERT INTO registry_manifests (space, image, digest, media_type, bytes, config, image_size, uploaded) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (space, image, digest) DO UPDATE SET media_type = excluded.media_type`,
    ),
    removeManifest: prepare('DELETE FROM registry_manifests WHERE space = ? AND image = ? AND digest = ?'),
    removeManifests: prepare('DELETE FROM registry_manifests WHERE space = ?'),
    tag: prepare('SELECT digest FROM registry_tags WHERE space = ? AND image = ? AND tag = ?'),
    tags: prepare('SELECT tag, digest FROM registry_tags WHERE space = ? AND image = ? ORDER BY tag'),
    setTag: prepare(
      'INSERT INTO registry_tags (space, image, tag, digest) VALUES (?, ?, ?, ?) ON CONFLICT (space, image, tag) DO UPDATE SET digest = excluded.digest',
    ),
    removeTag: prepare('DELETE FROM registry_tags WHERE space = ? AND image = ? AND tag = ?'),
    removeTagsOf: prepare('DELETE FROM registry_tags WHERE space = ? AND image = ? AND digest = ?'),
    removeTags: prepare('DELETE FROM registry_tags WHERE space = ?'),
    allBlobs: prepare('SELECT blob FROM registry_blobs UNION SELECT blob FROM registry_uploads'),
  }

  const blobOf = (digest: string): {blob: string; sizeBytes: number} | undefined => {
    const row = sql.blob.get(digest)
    return row && {blob: String(row['blob']), sizeBytes: Number(row['size'])}
  }
  const manifest = ({space, image}: ImageName, digest: string): StoredManifest | undefined => {
    const row = sql.manifest.get(space, image, digest)
    return row && storedManifest(row)
  }

  return {
    /** A blob that the space sees. */
    blob(space: string, digest: string): {blob: string; sizeBytes: number} | undefined {
      return sql.linked.get(space, digest) ? blobOf(digest) : undefined
    },
    /** Stores finished bytes; if they exist already, `blob` is unused and its id is returned. */
    addBlob(space: string, digest: string, {id, sizeBytes}: BlobInfo): string | undefined {
      const known = blobOf(digest)
      sql.addBlob.run(digest, id, sizeBytes)
      sql.link.run(space, digest)
      return known && known.blob !== id ? id : undefined
    },
    mount(space: string, digest: string): void {
      sql.link.run(space, digest)
    },
    openBlob(digest: string, range?: {start: number; end: number}): Readable {
      const known = blobOf(digest)
      if (!known) throw new Error(`The registry has no blob ${digest}.`)
      return blobs.read(known.blob, range)
    },

    upload(id: string): Upload | undefined {
      const row = sql.upload.get(id)
      return (
        row && {
          id,
          space: String(row['space']),
          image: String(row['image']),
          blob: String(row['blob']),
          sizeBytes: Number(row['size']),
        }
      )
    },
    addUpload: (id: string, {space, image}: ImageName, blob: string) =>
      sql.addUpload.run(id, space, image, blob),
    growUpload: (id: string, sizeBytes: number) => sql.growUpload.run(sizeBytes, id),
    removeUpload: (id: string) => sql.removeUpload.run(id),

    manifest,
    /** `PROJECT/REPOSITORY/IMAGE` of one that has the manifest. */
    place(digest: string): string | undefined {
      const row = sql.place.get(digest)
      return row && `${String(row['space'])}/${String(row['image'])}`
    },
    manifests: (space: string): StoredManifest[] => sql.manifests.all(space).map(storedManifest),
    /** The manifest that a tag or digest names. */
    find(name: ImageName, reference: string): StoredManifest | undefined {
      const digest = reference.startsWith('sha256:')
        ? reference
        : sql.tag.get(name.space, name.image, reference)?.['digest']
      return typeof digest === 'string' ? manifest(name, digest) : undefined
    },
    addManifest(
      {space, image}: ImageName,
      {
        digest,
        mediaType,
        bytes,
        config,
        imageSizeBytes,
      }: Omit<StoredManifest, 'space' | 'image' | 'uploaded'>,
    ): void {
      sql.addManifest.run(
        space,
        image,
        digest,
        mediaType,
        bytes,
        JSON.stringify(config),
        imageSizeBytes,
        clock.now(),
      )
    },
    removeManifest({space, image}: ImageName, digest: string): void {
      sql.removeTagsOf.run(space, image, digest)
      sql.removeManifest.run(space, image, digest)
    },
    setTag: ({space, image}: ImageName, tag: string, digest: string) =>
      sql.setTag.run(space, image, tag, digest),
    removeTag: ({space, image}: ImageName, tag: string) => sql.removeTag.run(space, image, tag),
    tags: ({space, image}: ImageName): {tag: string; digest: string}[] =>
      sql.tags.all(space, image).map((row) => ({tag: String(row['tag']), digest: String(row['digest'])})),

    /** Forgets every image of a space. @returns the ids of blobs that nothing refers to any more */
    removeSpace(space: string): string[] {
      sql.removeTags.run(space)
      sql.removeManifests.run(space)
      sql.unlink.run(space)
      const orphans = sql.orphans.all()
      for (const row of orphans) sql.removeBlob.run(String(row['digest']))
      return orphans.map((row) => String(row['blob']))
    },
    blobIds: (): string[] => sql.allBlobs.all().map((row) => String(row['blob'])),
  }
}

/** What Cloud Run asks of the registry, over its store. */
export function createImages(store: ImageStore): Images {
  const toImage = (stored: StoredManifest): Image | undefined => {
    const manifest = parseManifest(stored.bytes, stored.mediaType)
    if (manifest.kind === 'index') {
      const chosen = forThisMachine(manifest)
      const child = chosen && store.manifest(stored, chosen.digest)
      return child && toImage(child)
    }
    return {
      digest: stored.digest,
      annotations: manifest.annotations,
      config: stored.config,
      layers: manifest.layers.map(({digest, mediaType, size}) => ({digest, mediaType, sizeBytes: size})),
    }
  }
  return {
    resolve(reference) {
      const name = parseReference(reference)
      const stored = name && store.find(name, name.version)
      return stored && toImage(stored)
    },
    place: (digest) => store.place(digest),
    openBlob: (digest) => store.openBlob(digest),
  }
}

function forThisMachine(index: Extract<Manifest, {kind: 'index'}>) {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const linux = index.manifests.filter(({platform}) => (platform?.os ?? 'linux') === 'linux')
  return linux.find(({platform}) => platform?.architecture === architecture) ?? linux[0]
}

function storedManifest(row: Row): StoredManifest {
  const bytes = row['bytes']
  return {
    space: String(row['space']),
    image: String(row['image']),
    digest: String(row['digest']),
    mediaType: String(row['media_type']),
    bytes: bytes instanceof Uint8Array ? bytes : new Uint8Array(),
    config: storedJson<ImageConfig>(row, 'config'),
    imageSizeBytes: Number(row['image_size']),
    uploaded: Number(row['uploaded']),
  }
}
