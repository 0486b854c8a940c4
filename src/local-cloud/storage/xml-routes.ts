import type {HttpRequest, Route} from '../wire/routes.ts'
import {notServed} from './errors.ts'
import {named} from './json-routes.ts'
import {renderXmlError, type XmlHandler} from './xml.ts'
import type {XmlBuckets} from './xml-buckets.ts'
import type {XmlObjects} from './xml-objects.ts'
import type {XmlParts} from './xml-parts.ts'

/** A path that begins like an API, or a version of one, is not a bucket's, so an unserved call is reported as such. */
const RESERVED =
  '(?!(?:apis|batch|compute|download|projects|resumable|storage|upload|v\\d+(?:(?:p\\d+)?(?:alpha|beta)\\d*)?)/)'
const BUCKET = '(?<bucket>[a-z0-9](?:[a-z0-9._-]|%[0-9a-fA-F]{2})+[a-z0-9])'
const XML_OBJECT = new RegExp(`^/${RESERVED}${BUCKET}/(?<object>.+)$`)
const XML_BUCKET = new RegExp(`^/${BUCKET}/?$`)
/** Parts of a bucket or an object that have calls of their own; some of a bucket's are served. */
const SUBRESOURCES = [
  'acl',
  'billing',
  'compose',
  'cors',
  'defaultObjectAcl',
  'encryption',
  'encryptionConfig',
  'lifecycle',
  'logging',
  'policy',
  'retention',
  'storageClass',
  'tagging',
  'versioning',
  'website',
]

/** The XML API, `/BUCKET` and `/BUCKET/OBJECT`: https://cloud.google.com/storage/docs/xml-api/overview */
export function xmlRoutes({
  asSigner,
  objects,
  parts,
  buckets,
  acl,
  subresource,
  form,
}: {
  /** The request as that of the account that signed it. */
  asSigner: (request: HttpRequest) => HttpRequest
  form: XmlHandler
  objects: XmlObjects
  parts: XmlParts
  buckets: XmlBuckets
  /** Serves the access control list that a request names. */
  acl: (request: HttpRequest) => XmlHandler | undefined
  /** Serves the part of a bucket that a request names. */
  subresource: (request: HttpRequest) => XmlHandler | undefined
}): Route[] {
  const xmlRoute = (name: string, method: string, pattern: RegExp, handle: XmlHandler): Route =>
    named(name, {
      method,
      pattern,
      handle(unidentified) {
        const request = asSigner(unidentified)
        const part = acl(request) ?? (pattern === XML_BUCKET ? subresource(request) : undefined)
        if (part !== undefined) return part(request)
        const asked = SUBRESOURCES.find((each) => request.url.searchParams.has(each))
        if (asked !== undefined) throw notServed(`The XML API's ${method} ?${asked}`)
        return handle(request)
      },
      renderError: renderXmlError,
      storesEncoding: true,
    })
  const onUpload =
    (withUpload: XmlHandler, without: XmlHandler): XmlHandler =>
    (request) =>
      request.url.searchParams.has('uploadId') ? withUpload(request) : without(request)

  return [
    xmlRoute('storage.objects.get', 'GET', XML_OBJECT, onUpload(parts.listParts, objects.get)),
    xmlRoute('storage.objects.get', 'HEAD', XML_OBJECT, objects.get),
    xmlRoute('storage.objects.insert', 'PUT', XML_OBJECT, onUpload(parts.put, objects.put)),
    xmlRoute('storage.objects.delete', 'DELETE', XML_OBJECT, onUpload(parts.abort, objects.remove)),
    xmlRoute('storage.objects.insert', 'POST', XML_OBJECT, (request) => {
      if (request.url.searchParams.has('uploads')) return parts.start(request)
      if (request.url.searchParams.has('uploadId')) return parts.complete(request)
      if (request.headers['x-goog-resumable'] === 'start') return objects.startResumable(request)
      throw notServed('This POST of the XML API')
    }),
    xmlRoute('storage.objects.list', 'GET', XML_BUCKET, (request) => {
      if (request.url.searchParams.has('uploads')) return parts.listUploads(request)
      return request.url.searchParams.has('location') ? buckets.location(request) : buckets.list(request)
    }),
    xmlRoute('storage.buckets.list', 'GET', /^\/$/, buckets.listAll),
    xmlRoute('storage.buckets.get', 'HEAD', XML_BUCKET, buckets.head),
    xmlRoute('storage.buckets.insert', 'PUT', XML_BUCKET, buckets.create),
    xmlRoute('storage.buckets.delete', 'DELETE', XML_BUCKET, buckets.remove),
    xmlRoute('storage.objects.insert', 'POST', /^\/$/, form),
    xmlRoute('storage.objects.delete', 'POST', XML_BUCKET, (request) => {
      return request.url.searchParams.has('delete') ? buckets.removeObjects(request) : form(request)
    }),
  ]
}
