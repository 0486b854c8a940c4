import type {Image} from '../artifact-registry/images.ts'
import {integer, type Row, storedJson, text} from '../state/rows.ts'
import {RowCache} from '../state/row-cache.ts'
import type {State} from '../state/state.ts'
import type {Revision, Service, ServiceSpec, ServiceStatus} from './resources.ts'

export interface StoredService {
  readonly name: string
  readonly spec: ServiceSpec
  readonly status: ServiceStatus
  /** Number of revisions so far; the next one gets the number after it. */
  readonly revisions: number
}

export interface StoredRevision {
  readonly revision: Revision
  /** The template it was created from, in a form that equal templates share. */
  readonly template: string
  /** Pinned when the revision was created; undefined if the image did not exist. */
  readonly image: Image | undefined
}

export type RunStore = ReturnType<typeof createRunStore>

/** Rows of services and revisions. Methods that change rows belong inside `State.write`. */
export function createRunStore({state: {database}}: {state: State}) {
  const sql = {
    service: database.prepare('SELECT * FROM run_services WHERE name = ?'),
    services: database.prepare(
      'SELECT * FROM run_services WHERE parent = ? ORDER BY created DESC, name LIMIT ? OFFSET ?',
    ),
    allServices: database.prepare('SELECT * FROM run_services ORDER BY name'),
    putService: database.prepare(
      `INSERT INTO run_services (name, parent, spec, status, revisions, created) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, status = excluded.status, revisions = excluded.revisions`,
    ),
    removeService: database.prepare('DELETE FROM run_services WHERE name = ?'),
    revision: database.prepare('SELECT * FROM run_revisions WHERE name = ?'),
    revisions: database.prepare(
      'SELECT * FROM run_revisions WHERE service = ? ORDER BY created DESC, name DESC LIMIT ? OFFSET ?',
    ),
    revisionsOf: database.prepare(
      'SELECT * FROM run_revisions WHERE parent = ? ORDER BY created DESC, name DESC LIMIT ? OFFSET ?',
    ),
    putRevision: database.prepare(
      `INSERT INTO run_revisions (name, service, parent, json, template, image, created) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET json = excluded.json, image = excluded.image`,
    ),
    images: database.prepare(
      "SELECT DISTINCT image ->> 'digest' AS digest FROM run_revisions WHERE image IS NOT NULL",
    ),
    removeRevision: database.prepare('DELETE FROM run_revisions WHERE name = ?'),
    removeRevisions: database.prepare('DELETE FROM run_revisions WHERE service = ?'),
  }
  const optional = <T>(row: Row | undefined, parse: (row: Row) => T): T | undefined => row && parse(row)
  const services = new RowCache(database, (name) => optional(sql.service.get(name), storedService))
  const revisions = new RowCache(database, (name) => optional(sql.revision.get(name), storedRevision))

  return {
    service: (name: string) => services.get(name),
    services: (parent: string, limit: number, offset: number): StoredService[] =>
      sql.services.all(parent, limit, offset).map(storedService),
    allServices: (): StoredService[] => sql.allServices.all().map(storedService),
    putService({name, spec, status, revisions: count}: StoredService, now: number): void {
      services.clear()
      sql.putService.run(
        name,
        name.replace(/\/services\/[^/]+$/, ''),
        JSON.stringify(spec),
        JSON.stringify(status),
        count,
        now,
      )
    },
    removeService(name: string): void {
      services.clear()
      revisions.clear()
      sql.removeService.run(name)
      sql.removeRevisions.run(name)
    },
    revision: (name: string) => revisions.get(name),
    /** Newest first. `service` may be `…/services/-` for all of a location. */
    revisions(service: string, limit: number, offset: number): StoredRevision[] {
      const rows = service.endsWith('/services/-')
        ? sql.revisionsOf.all(service.slice(0, -'/services/-'.length), limit, offset)
        : sql.revisions.all(service, limit, offset)
      return rows.map(storedRevision)
    },
    putRevision({revision, template, image}: StoredRevision, now: number): void {
      revisions.clear()
      const parent = revision.service.replace(/\/services\/[^/]+$/, '')
      sql.putRevision.run(
        revision.name,
        revision.service,
        parent,
        JSON.stringify(revision),
        template,
        image ? JSON.stringify(image) : null,
        now,
      )
    },
    /** Digests of all images that a revision needs. */
    imageDigests: (): Set<string> => new Set(sql.images.all().map((row) => String(row['digest']))),
    removeRevision(name: string): void {
      revisions.clear()
      sql.removeRevision.run(name)
    },
  }
}

/** The resource as clients see it. */
export function serviceResource({
  name,
  spec,
  status,
}: Pick<StoredService, 'name' | 'spec' | 'status'>): Service {
  return {name, ...spec, ...status}
}

function storedService(row: Row): StoredService {
  return {
    name: text(row, 'name'),
    spec: storedJson<ServiceSpec>(row, 'spec'),
    status: storedJson<ServiceStatus>(row, 'status'),
    revisions: integer(row, 'revisions'),
  }
}

function storedRevision(row: Row): StoredRevision {
  return {
    revision: storedJson<Revision>(row, 'json', 'name', 'service'),
    template: text(row, 'template'),
    image: row['image'] === null ? undefined : storedJson<Image>(row, 'image', 'digest'),
  }
}
