import type {State} from '../state/state.ts'
import {readPageToken} from '../wire/paging.ts'
import type {HttpRequest} from '../wire/routes.ts'
import {bucketJson} from './bucket-resource.ts'
import type {Buckets} from './buckets.ts'
import {missingParameter, StorageError, toStorageError} from './errors.ts'
import {listObjects} from './listing.ts'
import {checkBucketName, compareNames, LAST_CHARACTER} from './names.ts'
import type {ObjectChanges} from './object-changes.ts'
import {storageClassOf, type StoredObject} from './stored-object.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {wholeNumber} from './query.ts'
import {element, errorElements, textOf, textsOf, xmlAnswer, type XmlHandler} from './xml.ts'
import {extension, xmlEtag} from './xml-headers.ts'

/** Buckets in the XML API: https://cloud.google.com/storage/docs/xml-api/reference-methods#bucket */
export interface XmlBuckets {
  /** Lists the buckets of a project. */
  readonly listAll: XmlHandler
  /** Lists the objects of a bucket. */
  readonly list: XmlHandler
  readonly head: XmlHandler
  readonly location: XmlHandler
  readonly create: XmlHandler
  readonly remove: XmlHandler
  /** Deletes the objects that the body names. */
  readonly removeObjects: XmlHandler
}

export function createXmlBuckets({
  state,
  buckets,
  objects,
  changes,
  permissions,
  insertBucket,
  removeBucket,
}: {
  state: State
  buckets: Buckets
  objects: Objects
  changes: ObjectChanges
  permissions: Permissions
  /** Creates a bucket with its first policy; inside a `State.write`. */
  insertBucket: Buckets['insert']
  /** Removes a bucket and what else belongs to it; inside a `State.write`. */
  removeBucket: (name: string) => void
}): XmlBuckets {
  const permit = ({params, call}: HttpRequest, permission: string): string => {
    const {name} = buckets.get(params['bucket'] ?? '')
    if (permission.startsWith('storage.objects'))
      permissions.requireOnObjects(call.principal, permission, name)
    else permissions.requireOnBucket(call.principal, permission, name)
    return name
  }

  return {
    listAll(request) {
      const project = projectOf(request)
      permissions.requireOnProject(request.call.principal, 'storage.buckets.list', project)
      const found = buckets.list(project, '', '', Number.MAX_SAFE_INTEGER)
      return xmlAnswer('ListAllMyBucketsResult', [
        element('Owner', [element('ID', request.call.principal.replace(/^serviceAccount:/, ''))]),
        element(
          'Buckets',
          found.map(({name, timeCreated}) =>
            element('Bucket', [
              element('Name', name),
              element('CreationDate', new Date(timeCreated).toISOString()),
            ]),
          ),
        ),
      ])
    },

    list(request) {
      const bucket = permit(request, 'storage.objects.list')
      const query = request.url.searchParams
      const second = query.get('list-type') === '2'
      const versions = query.has('versions')
      const size = Math.min(1000, wholeNumber(query, 'max-keys') ?? 1000)
      const page = listObjects(objects[versions ? 'versions' : 'live'](bucket), listQuery(query, size))
      const encoded = query.get('encoding-type') === 'url'
      const text = (value: string): string =>
        encoded ? encodeURIComponent(value).replaceAll('%2F', '/') : value
      const {nextPageToken} = page
      const last = nextPageToken === undefined ? undefined : markerOf(nextPageToken, page)
      return xmlAnswer('ListBucketResult', [
        element('Name', bucket),
        element('Prefix', text(query.get('prefix') ?? '')),
        ...(query.has('delimiter') ? [element('Delimiter', text(query.get('delimiter') ?? ''))] : []),
        ...(encoded ? [element('EncodingType', 'url')] : []),
        ...(second
          ? [
              element('KeyCount', page.items.length + page.prefixes.length),
              element('NextContinuationToken', nextPageToken),
            ]
          : [
              element('Marker', text(query.get('marker') ?? '')),
              element('NextMarker', last === undefined ? undefined : text(last)),
            ]),
        element('MaxKeys', size),
        element('IsTruncated', nextPageToken !== undefined),
        ...page.items.map((object) => element(versions ? 'Version' : 'Contents', describe(object, text))),
        ...page.prefixes.map((prefix) => element('CommonPrefixes', [element('Prefix', text(prefix))])),
      ])
    },

    head(request) {
      permit(request, 'storage.buckets.get')
      return {}
    },

    location(request) {
      const name = permit(request, 'storage.buckets.get')
      const {location} = bucketJson(buckets.get(name), {origin: '', projectNumber: ''})
      return xmlAnswer('LocationConstraint', [String(location)])
    },

    async create(request) {
      const name = request.params['bucket'] ?? ''
      const project = projectOf(request)
      checkBucketName(name)
      permissions.requireOnProject(request.call.principal, 'storage.buckets.create', project)
      const body = (await request.bytes()).toString('utf8')
      if (
        body.trim() !== '' &&
        !/<CreateBucketConfiguration[^>]*(?:\/>|>[\s\S]*<\/CreateBucketConfiguration>)/.test(body)
      )
        throw new StorageError(400, 'invalid', 'The body is not a CreateBucketConfiguration.', {
          xmlCode: 'MalformedXML',
        })
      const location = textOf(body, 'LocationConstraint')
      const storageClass = textOf(body, 'StorageClass')
      const fields = {
        ...(location === undefined ? {} : {location}),
        ...(storageClass === undefined ? {} : {storageClass}),
      }
      await state.write(() => insertBucket({name, project, fields}))
      return {headers: {location: `/${name}`}}
    },

    async remove(request) {
      const name = permit(request, 'storage.buckets.delete')
      await state.write(() => removeBucket(name))
      return {status: 204}
    },

    async removeObjects(request) {
      const bucket = buckets.get(request.params['bucket'] ?? '').name
      const body = (await request.bytes()).toString('utf8')
      const quiet = textOf(body, 'Quiet') === 'true'
      const outcomes = textsOf(body, 'Object').map(async (xml): Promise<string> => {
        const name = textOf(xml, 'Key') ?? ''
        const version = textOf(xml, 'VersionId')
        const generation = version === undefined ? undefined : Number(version)
        const target = {bucket, name, generation, preconditions: {}, origin: request.call.origin}
        try {
          permissions.requireOnObjects(request.call.principal, 'storage.objects.delete', bucket, name)
          await changes.remove(target)
        } catch (error) {
          const failure = toStorageError(error)
          // What is not there counts as deleted.
          if (failure.code !== 404) return element('Error', [element('Key', name), errorElements(failure)])
        }
        return quiet ? '' : element('Deleted', [element('Key', name), element('VersionId', version)])
      })
      return xmlAnswer('DeleteResult', await Promise.all(outcomes))
    },
  }
}

/** An HMAC key's account has a default project: https://cloud.google.com/storage/docs/aws-simple-migration */
function projectOf({headers, call}: HttpRequest): string {
  const project =
    extension(headers, 'project-id') ??
    /^serviceAccount:.*@(?<project>.+)\.iam\.gserviceaccount\.com$/.exec(call.principal)?.groups?.['project']
  if (project === undefined) throw missingParameter('x-goog-project-id')
  return project
}

function describe(object: StoredObject, text: (value: string) => string): string[] {
  return [
    element('Key', text(object.name)),
    element('Generation', object.generation),
    element('MetaGeneration', object.metageneration),
    element('LastModified', new Date(object.updated).toISOString()),
    element('ETag', xmlEtag(object)),
    element('Size', object.sizeBytes),
    element('StorageClass', storageClassOf(object)),
  ]
}

/** The parameters of a list as the JSON API has them. */
function listQuery(query: URLSearchParams, size: number): URLSearchParams {
  const delimiter = query.get('delimiter') ?? ''
  const after = query.get('start-after') ?? query.get('marker') ?? ''
  // The marker of a common prefix stands for everything under it.
  const next = delimiter !== '' && after.endsWith(delimiter) ? `${after}${LAST_CHARACTER}` : `${after}\0`
  return new URLSearchParams({
    prefix: query.get('prefix') ?? '',
    delimiter,
    maxResults: String(size),
    pageToken: query.get('continuation-token') ?? '',
    startOffset: after === '' ? '' : next,
  })
}

/** The last name of a page, whichever kind it is of. */
function markerOf(
  token: string,
  {items, prefixes}: {items: readonly StoredObject[]; prefixes: readonly string[]},
): string {
  const position = readPageToken(token)
  const [next]: unknown[] = Array.isArray(position) ? position : []
  const item = items.at(-1)?.name ?? ''
  const prefix = prefixes.at(-1) ?? ''
  return (compareNames(item, prefix) > 0 ? item : prefix) || String(next)
}
