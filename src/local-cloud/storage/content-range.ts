import {invalid} from './errors.ts'

/** What a request to an upload session says of its body; lengths and offsets in bytes. */
export type ContentRange =
  /** Asks how far the upload is; with `total` it also says that this is the whole. */
  | {readonly kind: 'query'; readonly total: number | undefined}
  /** Bytes from `start`; `end` (inclusive) is unknown where the sender does not know it: then they are the last. */
  | {
      readonly kind: 'bytes'
      readonly start: number
      readonly end: number | undefined
      readonly total: number | undefined
    }

/**
 * Reads `Content-Range` of a resumable upload (`bytes 0-524287/2000000`; any number but the first may be a star);
 * without one the body is everything. https://cloud.google.com/storage/docs/performing-resumable-uploads
 * @throws StorageError 400
 */
export function readContentRange(header: string | undefined): ContentRange {
  if (header === undefined) return {kind: 'bytes', start: 0, end: undefined, total: undefined}
  const groups = /^bytes\s+(?:\*|(?<start>\d{1,15})-(?<end>\d{1,15}|\*))\/(?<total>\d{1,15}|\*)$/.exec(
    header,
  )?.groups
  if (groups === undefined) throw invalid(`Failed to parse Content-Range header: '${header}'.`)
  const total = numberOf(groups['total'])
  const start = numberOf(groups['start'])
  if (start === undefined) return {kind: 'query', total}
  const end = numberOf(groups['end'])
  if ((end !== undefined && end < start) || (total !== undefined && (end ?? start - 1) >= total)) {
    throw invalid(`Invalid request. The Content-Range header '${header}' contradicts itself.`)
  }
  return {kind: 'bytes', start, end, total}
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined || digits === '*' ? undefined : Number(digits)
}
