import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {toStorageError, type StorageError} from './errors.ts'

const HEAD = "<?xml version='1.0' encoding='UTF-8'?>"
const NAMESPACE = 'http://doc.s3.amazonaws.com/2006-03-01'
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'InvalidArgument',
  401: 'AuthenticationRequired',
  403: 'AccessDenied',
  404: 'NoSuchKey',
  409: 'InvalidBucketState',
  412: 'PreconditionFailed',
  413: 'EntityTooLarge',
  416: 'InvalidRange',
  503: 'ServiceUnavailable',
}
const CODE_OF_REASON: Readonly<Record<string, string>> = {
  retentionPolicyNotMet: 'RetentionPolicyNotMet',
  objectUnderActiveHold: 'ObjectUnderActiveHold',
  UNIMPLEMENTED: 'NotImplemented',
}

export type XmlHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

/** An element with text, or with elements; one whose content is `undefined` is left out. */
export function element(
  name: string,
  content: string | number | boolean | undefined | readonly string[],
): string {
  if (content === undefined) return ''
  const inner = Array.isArray(content) ? content.join('') : escaped(String(content))
  return `<${name}>${inner}</${name}>`
}

function escaped(text: string): string {
  // XML 1.0 has no form for control characters, which names of objects may have.
  return text
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
    .replaceAll(/[^\P{Cc}\t\n\r]/gu, '?')
}

/** The texts of all elements of a name, in their order; elements inside them stay as they are. */
export function textsOf(xml: string, name: string): string[] {
  const pattern = new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g')
  return [...xml.matchAll(pattern)].map(([, text = '']) => text)
}

/** The text of the first element of a name, unescaped. */
export function textOf(xml: string, name: string): string | undefined {
  return textsOf(xml, name)[0]
    ?.replaceAll(/&(?:lt|gt|quot|apos|amp);/g, (entity) =>
      String(Object.keys(ESCAPES).find((character) => ESCAPES[character] === entity)),
    )
    .replaceAll(/&#(?:x([0-9a-f]+)|(\d+));/gi, (_match, hex?: string, decimal?: string) =>
      String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
    )
}

/** An answer of the XML API: https://cloud.google.com/storage/docs/xml-api/overview */
export function xmlAnswer(
  root: string,
  children: readonly string[],
  {status = 200, namespace = NAMESPACE} = {},
): HttpResponse {
  return {
    status,
    headers: {'content-type': 'application/xml; charset=UTF-8'},
    body: `${HEAD}<${root} xmlns='${namespace}'>${children.join('')}</${root}>`,
  }
}

/** https://cloud.google.com/storage/docs/xml-api/reference-status */
export function renderXmlError(error: unknown): HttpResponse {
  const failure = toStorageError(error)
  const {code, headers} = failure
  if (code === 304) return {status: code, headers}
  return {
    status: code,
    headers: {...headers, 'content-type': 'application/xml; charset=UTF-8'},
    body: `${HEAD}<Error>${errorElements(failure)}</Error>`,
  }
}

/** Code and message of an error, as elements. */
export function errorElements({code, reason, message, xmlCode, xmlDetails}: StorageError): string {
  const name = xmlCode ?? CODE_OF_REASON[reason] ?? CODE_OF_STATUS[code] ?? 'InternalError'
  const details = Object.entries({Details: message, ...xmlDetails}).map(([key, text]) => element(key, text))
  return element('Code', name) + element('Message', message) + details.join('')
}
