import type {IncomingHttpHeaders} from 'node:http'
import {HEADER_NAME} from '../wire/header-name.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest} from '../wire/routes.ts'
import {encryptionFields} from './encryption.ts'
import {objectEtag} from './etag.ts'
import {checkObjectName} from './names.ts'
import type {ObjectDraft} from './object-draft.ts'
import {writableObjectFields} from './object-resource.ts'
import {textField, type StoredObject} from './stored-object.ts'
import {preconditionsOfHeaders} from './preconditions.ts'

const FIELDS: Readonly<Record<string, string>> = {
  'cache-control': 'cacheControl',
  'content-disposition': 'contentDisposition',
  'content-encoding': 'contentEncoding',
  'content-language': 'contentLanguage',
  'content-type': 'contentType',
  'x-goog-custom-time': 'customTime',
  'x-goog-storage-class': 'storageClass',
}
const METADATA = 'x-goog-meta-'

/** An extension header, by Google's name or by that of S3, which the XML API takes as well. */
export function extension(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[`x-goog-${name}`] ?? headers[`x-amz-${name}`]
  return typeof value === 'string' ? value : undefined
}

/** The predefined access control list that headers name, by its name in the JSON API. */
export function predefinedList(headers: IncomingHttpHeaders): string | undefined {
  return extension(headers, 'acl')?.replaceAll(/-(.)/g, (_match, next: string) => next.toUpperCase())
}

/** What the headers of an upload say of the object: https://cloud.google.com/storage/docs/xml-api/reference-headers */
export function fieldsOfHeaders(headers: IncomingHttpHeaders): JsonObject {
  const fields: JsonObject = {}
  const metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') continue
    const known = FIELDS[name]
    if (known !== undefined) fields[known] = utf8(value)
    const key = /^x-(?:goog|amz)-meta-(?<key>.+)$/.exec(name)?.groups?.['key']
    if (key !== undefined) metadata[key] = utf8(value)
  }
  // Transfers that S3's clients sign in chunks are not a coding of the object.
  if (fields['contentEncoding'] === 'aws-chunked') delete fields['contentEncoding']
  return Object.keys(metadata).length === 0 ? fields : {...fields, metadata}
}

/** Node hands header bytes over as Latin-1. */
function utf8(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8')
}

/** The object that a request to `/BUCKET/OBJECT` is to store. */
export function draftOfHeaders({params, headers, call}: HttpRequest, fields: JsonObject): ObjectDraft {
  const name = params['object'] ?? ''
  checkObjectName(name)
  const list = predefinedList(headers)
  return {
    bucket: params['bucket'] ?? '',
    name,
    fields: {...writableObjectFields(fields), ...encryptionFields(headers)},
    preconditions: preconditionsOfHeaders(headers),
    ...(list === undefined ? {} : {predefinedAcl: list}),
    principal: call.principal,
    origin: call.origin,
  }
}

/** In the XML API an object's etag is its MD5 in hexadecimal, if it has one. */
export function xmlEtag(object: StoredObject): string {
  return `"${object.md5 === undefined ? objectEtag(object) : hexadecimal(object.md5)}"`
}

export function hexadecimal(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}

/** What an upload answers of the object. */
export function storedHeaders(object: StoredObject): Record<string, string> {
  return {
    etag: xmlEtag(object),
    'x-goog-generation': String(object.generation),
    'x-goog-metageneration': String(object.metageneration),
    'x-goog-hash': `crc32c=${object.crc32c}${object.md5 === undefined ? '' : `,md5=${object.md5}`}`,
    'x-goog-stored-content-encoding': textField(object, 'contentEncoding') ?? 'identity',
    'x-goog-stored-content-length': String(object.sizeBytes),
  }
}

/**
 * The custom metadata of an object as headers: Google's, or Amazon's for its clients
 * (https://cloud.google.com/storage/docs/interoperability).
 */
export function metadataHeaders(
  {fields}: StoredObject,
  {authorization = ''}: IncomingHttpHeaders,
): Record<string, string> {
  const prefix = /^AWS4-|^AWS /.test(authorization) ? 'x-amz-meta-' : METADATA
  const entries = Object.entries(fields['metadata'] ?? {}).filter(([key]) => HEADER_NAME.test(key))
  return Object.fromEntries(
    entries.map(([key, value]) => [`${prefix}${key}`, Buffer.from(String(value)).toString('latin1')]),
  )
}
