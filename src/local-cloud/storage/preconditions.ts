import type {IncomingHttpHeaders} from 'node:http'
import {conditionNotMet, notModified} from './errors.ts'
import {objectEtag} from './etag.ts'
import {wholeNumber} from './query.ts'

/** https://cloud.google.com/storage/docs/request-preconditions; plain JSON, since upload sessions keep it. */
export interface Preconditions {
  readonly generationMatch?: number
  readonly generationNotMatch?: number
  readonly metagenerationMatch?: number
  readonly metagenerationNotMatch?: number
}

const HEADERS = {
  'generation-match': 'ifGenerationMatch',
  'generation-not-match': 'ifGenerationNotMatch',
  'metageneration-match': 'ifMetagenerationMatch',
  'metageneration-not-match': 'ifMetagenerationNotMatch',
}

interface Version {
  readonly generation: number
  readonly metageneration: number
}

/** @param subject `Source` for those of a copy's source (`ifSourceGenerationMatch` …) */
export function readPreconditions(query: URLSearchParams, subject: '' | 'Source' = ''): Preconditions {
  const generationMatch = wholeNumber(query, `if${subject}GenerationMatch`)
  const generationNotMatch = wholeNumber(query, `if${subject}GenerationNotMatch`)
  const metagenerationMatch = wholeNumber(query, `if${subject}MetagenerationMatch`)
  const metagenerationNotMatch = wholeNumber(query, `if${subject}MetagenerationNotMatch`)
  return {
    ...(generationMatch === undefined ? {} : {generationMatch}),
    ...(generationNotMatch === undefined ? {} : {generationNotMatch}),
    ...(metagenerationMatch === undefined ? {} : {metagenerationMatch}),
    ...(metagenerationNotMatch === undefined ? {} : {metagenerationNotMatch}),
  }
}

/** The same in the headers of the XML API: `x-goog-if-generation-match` … */
export function preconditionsOfHeaders(
  headers: IncomingHttpHeaders,
  subject: '' | 'copy-source-' = '',
): Preconditions {
  const query = new URLSearchParams()
  for (const [name, parameter] of Object.entries(HEADERS)) {
    const value = headers[`x-goog-${subject}if-${name}`]
    if (typeof value === 'string') query.set(parameter, value)
  }
  return readPreconditions(query)
}

function matches(
  {generationMatch, metagenerationMatch}: Preconditions,
  current: Version | undefined,
): boolean {
  return (
    (generationMatch === undefined || generationMatch === (current?.generation ?? 0)) &&
    (metagenerationMatch === undefined || metagenerationMatch === current?.metageneration)
  )
}

function differs(conditions: Preconditions, current: Version | undefined): boolean {
  const {generationNotMatch, metagenerationNotMatch} = conditions
  return (
    (generationNotMatch === undefined || generationNotMatch !== (current?.generation ?? 0)) &&
    (metagenerationNotMatch === undefined || metagenerationNotMatch !== current?.metageneration)
  )
}

/**
 * Checks the preconditions of a change; generation 0 means that there is no live object.
 * @throws StorageError 412
 */
export function checkForChange(conditions: Preconditions, current: Version | undefined): void {
  if (!matches(conditions, current) || !differs(conditions, current)) throw conditionNotMet()
}

/**
 * Checks `If-Match` and `If-None-Match` of a read.
 * @throws StorageError 412, 304
 */
export function checkEtags(headers: IncomingHttpHeaders, etag: string): void {
  const names = (header: string | undefined): boolean | undefined =>
    header?.split(',').some((each) => ['*', etag].includes(each.trim().replaceAll(/^(?:W\/)?"|"$/g, '')))
  if (names(headers['if-match']) === false) throw conditionNotMet()
  if (names(headers['if-none-match']) === true) throw notModified(etag)
}

/**
 * Checks the preconditions of a read.
 * @throws StorageError 412, or 304 if a not-match condition does not hold
 */
export function checkForRead(conditions: Preconditions, current: Version, etag = objectEtag(current)): void {
  if (!matches(conditions, current)) throw conditionNotMet()
  if (!differs(conditions, current)) throw notModified(etag)
}
