import type {IncomingHttpHeaders} from 'node:http'
import type {State} from '../state/state.ts'
import {isJsonObject, parseJsonObject} from '../wire/json.ts'
import {chunksOf} from './chunks.ts'
import {invalid, StorageError} from './errors.ts'
import {boundaryOf, type FormUpload, readForm} from './multipart.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfBlob} from './object-draft.ts'
import type {Signatures} from './signatures.ts'
import {receive} from './upload-routes.ts'
import {element, xmlAnswer, type XmlHandler} from './xml.ts'
import {draftOfHeaders, fieldsOfHeaders, xmlEtag} from './xml-headers.ts'

/** Fields that no condition need cover: https://cloud.google.com/storage/docs/authentication/signatures#policy-document */
const UNCOVERED = new Set(['file', 'googleaccessid', 'policy', 'signature', 'x-goog-signature'])
const HEADER_FIELD = /^(?:acl|cache-control|content-|x-goog-)/
/** Of those that begin like Google's headers: https://cloud.google.com/storage/docs/xml-api/post-object-forms#form_fields */
const GOOGLE_FIELD =
  /^x-goog-(?:algorithm|credential|date|signature|security-token|meta-.*|acl|storage-class|custom-time|encryption-.*)$/

interface Condition {
  readonly kind: 'eq' | 'starts-with' | 'content-length-range'
  /** A field's name in lower case. */
  readonly field: string
  readonly value: string
  readonly range: readonly [least: number, most: number]
}

/** Uploads by HTML forms: https://cloud.google.com/storage/docs/xml-api/post-object-forms */
export function formUploads({
  state,
  changes,
  signatures,
}: {
  state: State
  changes: ObjectChanges
  signatures: Signatures
}): XmlHandler {
  /** The account that signed the form's policy; `undefined` for a form without one. @throws StorageError 400, 403 */
  const signerOf = ({fields}: FormUpload, policy: string): string | undefined => {
    const [accessId, v2] = [fields.get('googleaccessid'), fields.get('signature')]
    if (accessId !== undefined && v2 !== undefined) return signatures.checkV2(accessId, v2, policy)
    const [algorithm, credential, date, signature] = [
      'x-goog-algorithm',
      'x-goog-credential',
      'x-goog-date',
      'x-goog-signature',
    ].map((name) => fields.get(name))
    if (algorithm === undefined || credential === undefined || date === undefined || signature === undefined)
      throw refusedPolicy('The form has a policy, but is not signed.')
    return signatures.checkV4({algorithm, credential, date, signature}, policy, {StringToSign: policy})
  }

  return async (request) => {
    const {call} = request
    const boundary = boundaryOf(request.headers['content-type'], 'multipart/form-data')
    const form = await readForm(chunksOf(request.stream), boundary)
    const name = (form.fields.get('key') ?? '').replaceAll('${filename}', form.filename)
    const unknown = [...form.fields.keys()].find(
      (each) => each.startsWith('x-goog-') && !GOOGLE_FIELD.test(each),
    )
    if (unknown !== undefined) throw invalid(`The form has a field that is not one of Google's: ${unknown}`)
    const policy = form.fields.get('policy')
    const signer = policy === undefined ? undefined : signerOf(form, policy)
    const conditions = policy === undefined ? [] : conditionsOf(policy, signatures)
    // Google's Node client posts to the root of a custom endpoint: then only the policy names the bucket.
    const bucket = request.params['bucket'] ?? conditions.find(({field}) => field === 'bucket')?.value ?? ''
    const given = new Map([...form.fields, ['bucket', bucket], ['key', name]])
    if (policy !== undefined) checkConditions(conditions, given)
    const range = conditions.find(({kind}) => kind === 'content-length-range')?.range ?? [0, Infinity]

    const headers = headersOf(given)
    const draft = draftOfHeaders(
      {
        ...request,
        url: request.url,
        headers,
        params: {bucket, object: name},
        call:
          signer === undefined
            ? call
            : {principal: `serviceAccount:${signer}`, origin: call.origin, signal: call.signal},
      },
      fieldsOfHeaders(headers),
    )
    changes.checkDraft(draft)
    const blob = await receive(state.blobs, within(range, form.content))
    try {
      const stored = await changes.store(draft, () => contentOfBlob(blob))
      const etag = xmlEtag(stored)
      const location = `${call.origin}/${bucket}/${encodeURIComponent(name)}`
      const redirect = URL.parse(form.fields.get('success_action_redirect') ?? '')
      if (redirect !== null) {
        for (const [key, value] of Object.entries({bucket: bucket, key: name, etag}))
          redirect.searchParams.set(key, value)
        return {status: 303, headers: {location: redirect.href, etag}}
      }
      const status = Number(form.fields.get('success_action_status') ?? 204)
      if (status !== 201) return {status: status === 200 ? 200 : 204, headers: {etag, location}}
      const children = {Location: location, Bucket: bucket, Key: name, ETag: etag}
      const elements = Object.entries(children).map(([key, text]) => element(key, text))
      const answer = xmlAnswer('PostResponse', elements, {status: 201})
      return {...answer, headers: {...answer.headers, etag, location}}
    } catch (error) {
      await state.blobs.remove(blob.id)
      throw error
    }
  }
}

/** Fields of a form are what headers are elsewhere; header values are bytes in Latin-1 here. */
function headersOf(fields: ReadonlyMap<string, string>): IncomingHttpHeaders {
  const named = [...fields].filter(([name]) => HEADER_FIELD.test(name))
  return Object.fromEntries(
    named.map(([name, value]) => [
      name === 'acl' ? 'x-goog-acl' : name,
      Buffer.from(value).toString('latin1'),
    ]),
  )
}

/** @throws StorageError 400 if it is not a policy, or has expired */
function conditionsOf(policy: string, signatures: Signatures): Condition[] {
  const document = parseJsonObject(Buffer.from(policy, 'base64').toString('utf8'))
  const {expiration, conditions} = document ?? {}
  const end = Date.parse(String(expiration))
  if (!Array.isArray(conditions) || Number.isNaN(end))
    throw refusedPolicy('The policy document has no expiration or no conditions.')
  signatures.refuseUnlessValid(end)
  return conditions.flatMap(readCondition)
}

function readCondition(condition: unknown): Condition[] {
  const range = [0, Infinity] as const
  if (isJsonObject(condition)) {
    return Object.entries(condition).map(([field, value]) => ({
      kind: 'eq',
      field: field.toLowerCase(),
      value: String(value),
      range,
    }))
  }
  const [kind, one, other]: unknown[] = Array.isArray(condition) ? condition : []
  if (kind === 'content-length-range')
    return [{kind, field: '', value: '', range: [Number(one), Number(other)]}]
  if ((kind !== 'eq' && kind !== 'starts-with') || typeof one !== 'string')
    throw refusedPolicy(`Unknown condition: ${JSON.stringify(condition)}`)
  return [{kind, field: one.replace(/^\$/, '').toLowerCase(), value: String(other), range}]
}

/** @throws StorageError 400 naming the first condition that does not hold, or a field that none covers */
function checkConditions(conditions: readonly Condition[], fields: ReadonlyMap<string, string>): void {
  for (const {kind, field, value} of conditions) {
    if (kind === 'content-length-range') continue
    const given = fields.get(field) ?? ''
    if (kind === 'eq' ? given !== value : !given.startsWith(value))
      throw refusedPolicy(`Failed condition: ["${kind}", "$${field}", "${value}"]`)
  }
  const covered = new Set(conditions.map(({field}) => field))
  const left = [...fields.keys()].filter(
    (name) =>
      !covered.has(name) && !UNCOVERED.has(name) && name !== 'bucket' && !name.startsWith('x-ignore-'),
  )
  if (left.length > 0) throw refusedPolicy(`Policy did not reference these fields: ${left.join(', ')}`)
}

async function* within(
  [least, most]: readonly [number, number],
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > most)
      throw new StorageError(400, 'invalid', `Your proposed upload exceeds the maximum of ${most} bytes.`, {
        xmlCode: 'EntityTooLarge',
      })
    yield chunk
  }
  if (size < least)
    throw new StorageError(400, 'invalid', `Your proposed upload has fewer than ${least} bytes.`, {
      xmlCode: 'EntityTooSmall',
    })
}

function refusedPolicy(why: string): StorageError {
  return new StorageError(
    400,
    'invalid',
    `The content of the form does not meet the conditions specified in the policy document. ${why}`,
    {xmlCode: 'InvalidPolicyDocument'},
  )
}
