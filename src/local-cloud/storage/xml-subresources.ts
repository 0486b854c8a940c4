import type {State} from '../state/state.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {HttpRequest} from '../wire/routes.ts'
import {bucketJson, writableBucketFields} from './bucket-resource.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {invalid} from './errors.ts'
import type {Permissions} from './permissions.ts'
import {checkForChange, preconditionsOfHeaders} from './preconditions.ts'
import {element, textOf, textsOf, xmlAnswer, type XmlHandler} from './xml.ts'

/** A part of a bucket that the XML API reads and replaces by itself. */
interface Subresource {
  readonly root: string
  /** The elements in the root, of the bucket as the JSON API shows it. */
  readonly write: (bucket: JsonObject) => readonly string[]
  /** The fields of the bucket that a body sets; one that is `undefined` is removed. */
  readonly read: (xml: string) => JsonObject
}

const records = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : [])
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
const wrapped = (outer: string, inner: string, value: unknown): string =>
  element(
    outer,
    texts(value).map((text) => element(inner, text)),
  )

const CONDITIONS_OF_NUMBERS = /^(?:Age|NumNewerVersions|DaysSince\w+)$/
const recased = (name: string, first: 'toUpperCase' | 'toLowerCase'): string =>
  name.slice(0, 1)[first]() + name.slice(1)

/** A rule's conditions have the JSON API's names with a capital: https://cloud.google.com/storage/docs/xml-api/put-bucket-lifecycle */
function conditionOf(xml: string): JsonObject {
  const condition: Record<string, unknown> = {}
  for (const [, tag = '', text = ''] of xml.matchAll(/<(\w+)>([^<]*)<\/\1>/g)) {
    const name = recased(tag, 'toLowerCase')
    const value = textOf(`<${tag}>${text}</${tag}>`, tag) ?? ''
    const given = condition[name]
    if (tag.startsWith('Matches')) condition[name] = [...texts(given), value]
    else if (tag === 'IsLive') condition[name] = value === 'true'
    else condition[name] = CONDITIONS_OF_NUMBERS.test(tag) ? Number(value) : value
  }
  return condition
}

const conditionElements = (condition: JsonObject): string[] =>
  Object.entries(condition).flatMap(([name, value]) =>
    (Array.isArray(value) ? texts(value) : [String(value)]).map((text) =>
      element(recased(name, 'toUpperCase'), text),
    ),
  )

const membersOf = (bucket: JsonObject, field: string): JsonObject => {
  const part = bucket[field]
  return isJsonObject(part) ? part : {}
}

/** A part whose members are texts; an empty root removes it. */
function textual(root: string, field: string, tags: Readonly<Record<string, string>>): Subresource {
  return {
    root,
    write(bucket) {
      const members = membersOf(bucket, field)
      return Object.entries(tags).map(([name, tag]) => {
        const text = members[name]
        return element(tag, typeof text === 'string' ? text : undefined)
      })
    },
    read(xml) {
      const given = Object.entries(tags).map(([name, tag]) => [name, textOf(xml, tag)] as const)
      const members = given.filter(([, text]) => text !== undefined)
      return {[field]: members.length === 0 ? undefined : Object.fromEntries(members)}
    },
  }
}

/** A part that is a flag, which has words in XML. */
function flagged(
  root: string,
  {field, member, tag, on, off}: Readonly<Record<'field' | 'member' | 'tag' | 'on' | 'off', string>>,
): Subresource {
  return {
    root,
    write(bucket) {
      const value = membersOf(bucket, field)[member]
      return [element(tag, value === undefined ? undefined : value === true ? on : off)]
    },
    read(xml) {
      const text = textOf(xml, tag)
      if (text !== on && text !== off)
        throw invalid(`Invalid ${tag} of ${field}: '${text ?? ''}' is neither ${on} nor ${off}.`)
      return {[field]: {[member]: text === on}}
    },
  }
}

/** https://cloud.google.com/storage/docs/xml-api/reference-methods#bucket */
const SUBRESOURCES: Readonly<Record<string, Subresource>> = {
  versioning: flagged('VersioningConfiguration', {
    field: 'versioning',
    member: 'enabled',
    tag: 'Status',
    on: 'Enabled',
    off: 'Suspended',
  }),
  billing: flagged('BillingConfiguration', {
    field: 'billing',
    member: 'requesterPays',
    tag: 'RequesterPays',
    on: 'Enabled',
    off: 'Disabled',
  }),
  logging: textual('Logging', 'logging', {logBucket: 'LogBucket', logObjectPrefix: 'LogObjectPrefix'}),
  website: textual('WebsiteConfiguration', 'website', {
    mainPageSuffix: 'MainPageSuffix',
    notFoundPage: 'NotFoundPage',
  }),
  encryptionConfig: textual('EncryptionConfiguration', 'encryption', {
    defaultKmsKeyName: 'DefaultKmsKeyName',
  }),
  storageClass: {
    root: 'StorageClass',
    write: ({storageClass}) => [String(storageClass)],
    read: (xml) => ({storageClass: textOf(xml, 'StorageClass') ?? ''}),
  },
  tagging: {
    root: 'Tagging',
    write: ({labels}) => [
      element(
        'TagSet',
        Object.entries(isJsonObject(labels) ? labels : {}).map(([key, value]) =>
          element('Tag', [element('Key', key), element('Value', String(value))]),
        ),
      ),
    ],
    read: (xml) => ({
      labels: Object.fromEntries(
        textsOf(xml, 'Tag').map((tag) => [textOf(tag, 'Key') ?? '', textOf(tag, 'Value') ?? '']),
      ),
    }),
  },
  cors: {
    root: 'CorsConfig',
    write: ({cors}) =>
      records(cors).map(({origin, method, responseHeader, maxAgeSeconds}) =>
        element('Cors', [
          wrapped('Origins', 'Origin', origin),
          wrapped('Methods', 'Method', method),
          wrapped('ResponseHeaders', 'ResponseHeader', responseHeader),
          element('MaxAgeSec', maxAgeSeconds === undefined ? undefined : Number(maxAgeSeconds)),
        ]),
      ),
    read: (xml) => ({
      cors: textsOf(xml, 'Cors').map((rule) => ({
        origin: textsOf(rule, 'Origin'),
        method: textsOf(rule, 'Method'),
        responseHeader: textsOf(rule, 'ResponseHeader'),
        maxAgeSeconds: Number(textOf(rule, 'MaxAgeSec') ?? 0),
      })),
    }),
  },
  lifecycle: {
    root: 'LifecycleConfiguration',
    write: ({lifecycle}) =>
      records(isJsonObject(lifecycle) ? lifecycle['rule'] : []).map(({action, condition}) => {
        const {type, storageClass}: JsonObject = isJsonObject(action) ? action : {}
        return element('Rule', [
          element('Action', [element(String(type), typeof storageClass === 'string' ? storageClass : [])]),
          element('Condition', conditionElements(isJsonObject(condition) ? condition : {})),
        ])
      }),
    read(xml) {
      const rules = textsOf(xml, 'Rule').map((rule) => {
        const action = textsOf(rule, 'Action')[0] ?? ''
        const [, type = ''] = /<(\w+)/.exec(action) ?? []
        const storageClass = textOf(action, type)
        return {
          action: {type, ...(type === 'SetStorageClass' ? {storageClass} : {})},
          condition: conditionOf(textsOf(rule, 'Condition')[0] ?? ''),
        }
      })
      return {lifecycle: rules.length === 0 ? undefined : {rule: rules}}
    },
  },
}

/** Those that DELETE removes, with their field. */
const REMOVABLE: Readonly<Record<string, string>> = {tagging: 'labels', cors: 'cors'}

/** Reads, replaces or, with DELETE, removes a part of a bucket; `undefined` for a request that names none of them. */
export function createXmlSubresources({
  state,
  buckets,
  permissions,
}: {
  state: State
  buckets: Buckets
  permissions: Permissions
}): (request: HttpRequest) => XmlHandler | undefined {
  const permitted = ({params, call}: HttpRequest, verb: 'get' | 'update'): Bucket => {
    const bucket = buckets.get(params['bucket'] ?? '')
    permissions.requireOnBucket(call.principal, `storage.buckets.${verb}`, bucket.name)
    return bucket
  }
  return ({url, method}) => {
    const name = Object.keys(SUBRESOURCES).find((each) => url.searchParams.has(each))
    const part = SUBRESOURCES[name ?? '']
    const removes = method === 'DELETE' ? REMOVABLE[name ?? ''] : undefined
    if (part === undefined || (removes === undefined && method !== 'GET' && method !== 'PUT'))
      return undefined
    if (method === 'GET')
      return (request) => {
        const json = bucketJson(permitted(request, 'get'), {origin: '', projectNumber: ''})
        return xmlAnswer(part.root, part.write(json))
      }
    return async (request) => {
      const bucket = permitted(request, 'update')
      const body = (await request.bytes()).toString('utf8')
      if (removes === undefined && !body.includes(`<${part.root}`))
        throw invalid(`The body lacks the element ${part.root}.`)
      const fields = removes === undefined ? part.read(body) : {[removes]: undefined}
      await state.write(() => {
        const present = buckets.get(bucket.name)
        checkForChange(preconditionsOfHeaders(request.headers), present)
        const next = Object.entries({...present.fields, ...fields}).filter(([, value]) => value !== undefined)
        buckets.replaceFields(present, writableBucketFields(Object.fromEntries(next), present.fields))
      })
      return removes === undefined ? {} : {status: 204}
    }
  }
}
