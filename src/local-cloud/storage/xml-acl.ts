import type {HttpRequest} from '../wire/routes.ts'
import {type AclEntry, aclEntry, type AclKind, type Acls} from './acl.ts'
import type {AclLists, AclSubject} from './acl-lists.ts'
import {invalid} from './errors.ts'
import {checkForChange, preconditionsOfHeaders} from './preconditions.ts'
import {refusePublic} from './public-access.ts'
import {element, textOf, textsOf, xmlAnswer, type XmlHandler} from './xml.ts'
import {predefinedList} from './xml-headers.ts'

/** Scopes by their type: the entity's beginning in the JSON API, and the element that holds the rest. */
const SCOPES: Readonly<Record<string, readonly [prefix: string, inner?: string]>> = {
  AllUsers: ['allUsers'],
  AllAuthenticatedUsers: ['allAuthenticatedUsers'],
  UserByEmail: ['user-', 'EmailAddress'],
  GroupByEmail: ['group-', 'EmailAddress'],
  GroupByDomain: ['domain-', 'Domain'],
  UserById: ['user-', 'ID'],
  GroupById: ['group-', 'ID'],
}
const ROLE_OF_PERMISSION: Readonly<Record<string, string>> = {
  FULL_CONTROL: 'OWNER',
  WRITE: 'WRITER',
  READ: 'READER',
}

/**
 * Reads and replaces the access control list that `?acl` or `?defaultObjectAcl` names; `undefined` for a request
 * that names none: https://cloud.google.com/storage/docs/xml-api/put-object-acls
 */
export function createXmlAcls({
  lists,
  acls,
}: {
  lists: AclLists
  acls: Acls
}): (request: HttpRequest) => XmlHandler | undefined {
  const given = async (
    kind: AclKind,
    request: HttpRequest,
    {bucket, object}: AclSubject,
  ): Promise<AclEntry[]> => {
    const predefined = predefinedList(request.headers)
    if (predefined !== undefined)
      return [...acls.predefined(kind, predefined, bucket, object?.fields['owner'])]
    const body = (await request.bytes()).toString('utf8')
    if (!body.includes('<AccessControlList'))
      throw invalid('The body lacks the element AccessControlList; without it, name a list in x-goog-acl.')
    const entries = textsOf(body, 'Entry').map((xml) => entryOf(kind, xml))
    refusePublic(
      bucket.fields,
      entries.map(({entity}) => entity),
    )
    return entries
  }
  const get =
    (kind: AclKind): XmlHandler =>
    (request) => {
      const {entries} = lists.find(kind, request, 'getIamPolicy')
      const owner = entries.find(({role}) => role === 'OWNER')?.entity
      return xmlAnswer('AccessControlList', [
        ...(owner === undefined ? [] : [element('Owner', [element('ID', owner)])]),
        element('Entries', entries.map(entryElement)),
      ])
    }
  const put =
    (kind: AclKind): XmlHandler =>
    async (request) => {
      const subject = lists.find(kind, request, 'setIamPolicy')
      checkForChange(preconditionsOfHeaders(request.headers), subject.object ?? subject.bucket)
      await lists.save(kind, request, subject, await given(kind, request, subject))
      return {}
    }
  return ({method, url, params}) => {
    if (method !== 'GET' && method !== 'PUT') return undefined
    const handler = method === 'GET' ? get : put
    const ofObject = params['object'] !== undefined
    if (url.searchParams.has('acl')) return handler(ofObject ? 'object' : 'bucket')
    return url.searchParams.has('defaultObjectAcl') && !ofObject ? handler('defaultObject') : undefined
  }
}

function entryElement({entity, role}: AclEntry): string {
  const [type, [prefix, inner]] =
    Object.entries(SCOPES).find(
      ([, [start, holder]]) =>
        entity.startsWith(start) && (holder === 'EmailAddress' ? entity.includes('@') : true),
    ) ?? (['GroupById', ['', 'ID']] as const)
  const scope = element('Scope', inner === undefined ? [] : [element(inner, entity.slice(prefix.length))])
  const permission = Object.keys(ROLE_OF_PERMISSION).find((each) => ROLE_OF_PERMISSION[each] === role)
  return element('Entry', [
    scope.replace('<Scope>', `<Scope type='${type}'>`),
    element('Permission', permission),
  ])
}

/** @throws StorageError 400 */
function entryOf(kind: AclKind, xml: string): AclEntry {
  const type = /<Scope\s[^>]*type\s*=\s*["'](?<type>\w+)["']/.exec(xml)?.groups?.['type'] ?? ''
  const [prefix = '', inner] = SCOPES[type] ?? []
  const rest = inner === undefined ? '' : (textOf(xml, inner) ?? '')
  // The teams of a project are groups with ids of their own.
  const entity = type === 'GroupById' && rest.startsWith('project-') ? rest : `${prefix}${rest}`
  const permission = textOf(xml, 'Permission') ?? ''
  return aclEntry(kind, {entity, role: ROLE_OF_PERMISSION[permission] ?? permission})
}
