import type {ServiceAgents} from '../iam/access.ts'
import {OWNER_EMAIL} from '../iam/owner.ts'
import type {Principal} from '../wire/call.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {Bucket} from './bucket.ts'
import {invalid} from './errors.ts'
import {refusePublic} from './public-access.ts'
import type {StoredObject} from './stored-object.ts'

/** Who has which role, as an access control list keeps it. */
export interface AclEntry {
  readonly entity: string
  readonly role: string
}

/** `defaultObject`: what new objects of a bucket get. */
export type AclKind = 'bucket' | 'defaultObject' | 'object'

const UNIFORM_HELP =
  'when uniform bucket-level access is enabled. Read more at ' +
  'https://cloud.google.com/storage/docs/uniform-bucket-level-access'
const ENTITY =
  /^(?:allUsers|allAuthenticatedUsers|(?:user|group|domain)-.+|project-(?:owners|editors|viewers)-.+)$/
const ROLES: Readonly<Record<AclKind, readonly string[]>> = {
  bucket: ['OWNER', 'WRITER', 'READER'],
  defaultObject: ['OWNER', 'READER'],
  object: ['OWNER', 'READER'],
}
const PUBLIC = {entity: 'allUsers', role: 'READER'}
const AUTHENTICATED = {entity: 'allAuthenticatedUsers', role: 'READER'}

/** @param owner the account that uploaded an object; the project's owners if nobody is known, and of anything else */
type Predefined = (project: (team: string, role: string) => AclEntry, owner: AclEntry) => AclEntry[]

const projectPrivate: Predefined = (project, owner) => [
  owner,
  project('owners', 'OWNER'),
  project('editors', 'OWNER'),
  project('viewers', 'READER'),
]
const ofOwner =
  (...others: readonly AclEntry[]): Predefined =>
  (_project, owner) => [owner, ...others]

const OF_OBJECTS: Readonly<Record<string, Predefined>> = {
  authenticatedRead: ofOwner(AUTHENTICATED),
  bucketOwnerFullControl: (project, owner) => [owner, project('owners', 'OWNER')],
  bucketOwnerRead: (project, owner) => [owner, project('owners', 'READER')],
  private: ofOwner(),
  projectPrivate,
  publicRead: ofOwner(PUBLIC),
}
/** https://cloud.google.com/storage/docs/access-control/lists#predefined-acl */
const PREDEFINED: Readonly<Record<AclKind, Readonly<Record<string, Predefined>>>> = {
  bucket: {
    authenticatedRead: ofOwner(AUTHENTICATED),
    private: ofOwner(),
    projectPrivate,
    publicRead: ofOwner(PUBLIC),
    publicReadWrite: ofOwner({entity: 'allUsers', role: 'WRITER'}),
  },
  defaultObject: OF_OBJECTS,
  object: OF_OBJECTS,
}

/** Access control lists: kept and answered; IAM alone decides who may do what. */
export interface Acls {
  /** The list of a bucket, what it gives to new objects, or that of an object. */
  entries(kind: AclKind, bucket: Bucket, object?: StoredObject): readonly AclEntry[]
  /**
   * @param owner what `ownerOf` made of an object's uploader
   * @throws StorageError 400 if there is no list of that name, or the bucket has none; 412 if it would be public
   */
  predefined(
    kind: AclKind,
    name: string,
    bucket: Pick<Bucket, 'project' | 'fields'>,
    owner?: unknown,
  ): readonly AclEntry[]
  /** An entry's resource: https://cloud.google.com/storage/docs/json_api/v1/objectAccessControls#resource */
  json(
    kind: AclKind,
    entry: AclEntry,
    owner: {bucket: Bucket; object?: StoredObject; origin: string},
  ): JsonObject
}

export function createAcls(agents: ServiceAgents): Acls {
  const predefined: Acls['predefined'] = (kind, name, {project, fields}, owner) => {
    if (isUniform(fields)) throw refuseUniform(kind)
    const list = PREDEFINED[kind][name]
    if (list === undefined) throw invalid(`Invalid predefined ACL: '${name}'`)
    const number = agents.projectNumber(project)
    const of = (team: string, role: string): AclEntry => ({entity: `project-${team}-${number}`, role})
    const first = typeof owner === 'string' ? {entity: owner, role: 'OWNER'} : of('owners', 'OWNER')
    const byEntity = Map.groupBy(list(of, first), ({entity}) => entity)
    refusePublic(fields, [...byEntity.keys()])
    return [...byEntity.values()].flatMap(([entry]) => entry ?? [])
  }
  return {
    predefined,
    entries(kind, bucket, object) {
      const kept = kind === 'object' ? object?.fields['acl'] : undefined
      const ofBucket = kind === 'bucket' ? bucket.fields['acl'] : bucket.fields['defaultObjectAcl']
      const list = kept ?? ofBucket
      const owner = object?.fields['owner']
      if (list === undefined) return predefined(kind, 'projectPrivate', bucket, owner)
      const entries = aclOf(kind, list)
      if (typeof owner !== 'string' || entries.some(({entity}) => entity === owner)) return entries
      return [{entity: owner, role: 'OWNER'}, ...entries]
    },
    json(kind, {entity, role}, {bucket, object, origin}) {
      const path = object === undefined ? bucket.name : `${bucket.name}/${object.name}/${object.generation}`
      const {team, number, address} =
        /^project-(?<team>\w+)-(?<number>.+)$|^(?:user|group)-(?<address>.+@.+)$/.exec(entity)?.groups ?? {}
      const acl = kind === 'defaultObject' ? 'defaultObjectAcl' : 'acl'
      const base = `${origin}/storage/v1/b/${encodeURIComponent(bucket.name)}`
      const link = object === undefined ? base : `${base}/o/${encodeURIComponent(object.name)}`
      return {
        kind: kind === 'bucket' ? 'storage#bucketAccessControl' : 'storage#objectAccessControl',
        ...(kind === 'defaultObject' ? {} : {id: `${path}/${entity}`}),
        selfLink: `${link}/${acl}/${encodeURIComponent(entity)}`,
        ...(kind === 'defaultObject' ? {} : {bucket: bucket.name}),
        ...(object === undefined ? {} : {object: object.name, generation: String(object.generation)}),
        entity,
        role,
        etag: 'CAE=',
        ...(address === undefined ? {} : {email: address}),
        ...(team === undefined ? {} : {projectTeam: {projectNumber: number, team}}),
      }
    },
  }
}

/** The entity of an object's uploader, which owns it. */
export function ownerOf(principal: Principal, {fields}: Bucket): string | undefined {
  if (principal === 'allUsers' || isUniform(fields)) return undefined
  return `user-${principal === 'owner' ? OWNER_EMAIL : principal.replace('serviceAccount:', '')}`
}

export function isUniform({iamConfiguration}: JsonObject): boolean {
  const access = isJsonObject(iamConfiguration) ? iamConfiguration['uniformBucketLevelAccess'] : undefined
  return isJsonObject(access) && access['enabled'] === true
}

/** Whether a change brings a list that was not there; an empty one is none. */
export function bringsList(present: unknown, next: unknown): boolean {
  return Array.isArray(next) && next.length > 0 && JSON.stringify(next) !== JSON.stringify(present)
}

export function refuseUniform(kind: AclKind): Error {
  return invalid(
    kind === 'object'
      ? `Cannot use ACL API to update object policy ${UNIFORM_HELP}`
      : `Cannot use ACL API to update bucket policy ${UNIFORM_HELP}`,
  )
}

/**
 * An entry as it was sent.
 * @throws StorageError 400 for an entity or role that there is not
 */
export function aclEntry(kind: AclKind, value: unknown): AclEntry {
  const {entity, role}: JsonObject = isJsonObject(value) ? value : {}
  if (typeof entity !== 'string' || !ENTITY.test(entity))
    throw invalid(`Invalid entity of an access control: ${JSON.stringify(entity)}`)
  const known = ROLES[kind].find((each) => each === String(role).toUpperCase())
  if (known === undefined)
    throw invalid(
      `Invalid role of an access control: ${JSON.stringify(role)}; it is one of ${ROLES[kind].join(', ')}.`,
    )
  return {entity, role: known}
}

/** @throws StorageError 400 */
export function aclOf(kind: AclKind, list: unknown): AclEntry[] {
  return Array.isArray(list) ? list.map((value: unknown) => aclEntry(kind, value)) : []
}

/** Whom a list, as it was sent, names. @throws StorageError 400 */
export function entitiesOf(kind: AclKind, list: unknown): string[] {
  return aclOf(kind, list).map(({entity}) => entity)
}
