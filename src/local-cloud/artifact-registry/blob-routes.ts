import {randomUUID} from 'node:crypto'
import type {Readable} from 'node:stream'
import type {BlobWriter} from '../state/blobs.ts'
import {DiskFullError} from '../disk-full.ts'
import type {State} from '../state/state.ts'
import type {HttpRequest, HttpResponse, Route} from '../wire/routes.ts'
import type {ImageName, ImageStore, Upload} from './image-store.ts'
import {RegistryError, renderRegistryError} from './registry-error.ts'
import type {Spaces} from './spaces.ts'

export interface DistributionDependencies {
  readonly state: State
  readonly store: ImageStore
  readonly spaces: Spaces
}

/**
 * A route of the distribution API below an image's name. `projects` is not a project id: `/v2/projects/…` is Cloud
 * Run's REST API on the same port.
 */
export function imageRoute(
  method: string,
  rest: string,
  handle: (name: ImageName, request: HttpRequest) => Promise<HttpResponse>,
): Route {
  return {
    method,
    pattern: new RegExp(
      `^/v2/(?<space>(?!projects/)[^/]+/[^/]+)/(?<image>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)/${rest}$`,
    ),
    handle: (request) =>
      handle({space: request.params['space'] ?? '', image: request.params['image'] ?? ''}, request),
    renderError: renderRegistryError,
  }
}

/** Blobs of the OCI distribution API: pull, and push in one piece, in chunks or by mounting. */
export function blobRoutes({state, store, spaces}: DistributionDependencies): Route[] {
  const {blobs} = state
  const inUse = new Set<string>()

  const uploadUrl = ({space, image}: ImageName, id: string): string =>
    `/v2/${space}/${image}/blobs/uploads/${id}`
  const progress = (status: number, name: ImageName, id: string, sizeBytes: number): HttpResponse => ({
    status,
    headers: {
      location: uploadUrl(name, id),
      range: `0-${Math.max(0, sizeBytes - 1)}`,
      'docker-upload-uuid': id,
      'content-length': '0',
    },
  })
  const created = ({space, image}: ImageName, digest: string): HttpResponse => ({
    status: 201,
    headers: {
      location: `/v2/${space}/${image}/blobs/${digest}`,
      'docker-content-digest': digest,
      'content-length': '0',
    },
  })
  const knownBlob = (name: ImageName, digest: string): {blob: string; sizeBytes: number} => {
    const known = store.blob(name.space, digest)
    if (!known) throw new RegistryError('BLOB_UNKNOWN', `Blob ${digest} is not in ${name.space}.`, {digest})
    return known
  }
  const knownUpload = (name: ImageName, id: string): Upload => {
    const upload = store.upload(id)
    if (!upload || upload.space !== name.space || upload.image !== name.image) {
      throw new RegistryError(
        'BLOB_UPLOAD_UNKNOWN',
        `Upload ${id} of ${name.space}/${name.image} is unknown; start it again.`,
      )
    }
    return upload
  }
  /** Makes the bytes a blob of the space, if they are what the digest says. */
  const finish = async (
    name: ImageName,
    digest: string,
    writer: BlobWriter,
    uploadId?: string,
  ): Promise<HttpResponse> => {
    const info = await writer.finish()
    const matches = digest === `sha256:${info.sha256}`
    const superfluous = await state.write(() => {
      if (uploadId !== undefined) store.removeUpload(uploadId)
      return matches ? store.addBlob(name.space, digest, info) : info.id
    })
    // After the commit nothing may fail; a file that stays is swept at the next start.
    if (superfluous !== undefined) await blobs.remove(superfluous).catch(() => undefined)
    if (!matches) {
      throw new RegistryError(
        'DIGEST_INVALID',
        `The bytes have the digest sha256:${info.sha256}, not ${digest}.`,
        {digest},
      )
    }
    return created(name, digest)
  }
  /** Runs `action` on an upload's writer; one request at a time, what arrived is kept when the sender breaks off. */
  const withUpload = async (
    name: ImageName,
    id: string,
    action: (writer: BlobWriter, upload: Upload) => Promise<HttpResponse>,
  ): Promise<HttpResponse> => {
    const upload = knownUpload(name, id)
    if (inUse.has(id))
      throw new RegistryError('BLOB_UPLOAD_INVALID', `Upload ${id} is being written by another request.`)
    inUse.add(id)
    try {
      const writer = await blobs.resume(upload.blob, {sha256: true})
      if (!writer) {
        await state.write(() => store.removeUpload(id))
        throw new RegistryError('BLOB_UPLOAD_UNKNOWN', `The bytes of upload ${id} are gone; start it again.`)
      }
      return await action(writer, upload)
    } catch (error) {
      if (error instanceof DiskFullError) await blobs.cut(upload.blob, upload.sizeBytes)
      throw error
    } finally {
      inUse.delete(id)
    }
  }
  const append = async (
    writer: BlobWriter,
    upload: Upload,
    {headers, stream}: HttpRequest,
  ): Promise<void> => {
    const start = /^(?:bytes )?(?<start>\d+)-/.exec(headers['content-range'] ?? '')?.groups?.['start']
    if (start !== undefined && Number(start) !== writer.sizeBytes) {
      await writer.close()
      throw new RegistryError(
        'RANGE_INVALID',
        `The chunk begins at ${start}, but ${writer.sizeBytes} bytes are here.`,
      )
    }
    try {
      await receive(stream, writer)
    } catch (error) {
      await writer.close()
      await state.write(() => store.growUpload(upload.id, writer.sizeBytes))
      throw error
    }
  }

  return [
    imageRoute('POST', 'blobs/uploads/?', async (name, {url, stream, headers, call}) => {
      spaces.require(call, 'artifactregistry.repositories.uploadArtifacts', name.space)
      const mount = url.searchParams.get('mount')
      if (mount !== null) {
        const from = spaceOf(url.searchParams.get('from') ?? '') ?? name.space
        if (store.blob(from, mount)) {
          spaces.require(call, 'artifactregistry.repositories.downloadArtifacts', from)
          await state.write(() => store.mount(name.space, mount))
          return created(name, mount)
        }
      }
      const writer = await blobs.create({sha256: true})
      const digest = url.searchParams.get('digest')
      if (digest !== null) {
        return orDiscard(writer, async () => {
          await receive(stream, writer)
          return finish(name, validDigest(digest), writer)
        })
      }
      if (Number(headers['content-length'] ?? 0) > 0) stream.resume()
      const id = randomUUID()
      return orDiscard(writer, async () => {
        await writer.close()
        await state.write(() => store.addUpload(id, name, writer.id))
        return progress(202, name, id, 0)
      })
    }),
    imageRoute('PATCH', 'blobs/uploads/(?<id>[^/]+)', async (name, request) => {
      spaces.require(request.call, 'artifactregistry.repositories.uploadArtifacts', name.space)
      return withUpload(name, request.params['id'] ?? '', async (writer, upload) => {
        await append(writer, upload, request)
        await writer.close()
        await state.write(() => store.growUpload(upload.id, writer.sizeBytes))
        return progress(202, name, upload.id, writer.sizeBytes)
      })
    }),
    imageRoute('PUT', 'blobs/uploads/(?<id>[^/]+)', async (name, request) => {
      spaces.require(request.call, 'artifactregistry.repositories.uploadArtifacts', name.space)
      const digest = validDigest(request.url.searchParams.get('digest') ?? '')
      return withUpload(name, request.params['id'] ?? '', async (writer, upload) => {
        await append(writer, upload, request)
        return finish(name, digest, writer, upload.id)
      })
    }),
    imageRoute('GET', 'blobs/uploads/(?<id>[^/]+)', async (name, {params, call}) => {
      spaces.require(call, 'artifactregistry.repositories.uploadArtifacts', name.space)
      const upload = knownUpload(name, params['id'] ?? '')
      return progress(204, name, upload.id, upload.sizeBytes)
    }),
    imageRoute('DELETE', 'blobs/uploads/(?<id>[^/]+)', async (name, {params, call}) => {
      spaces.require(call, 'artifactregistry.repositories.uploadArtifacts', name.space)
      return withUpload(name, params['id'] ?? '', async (writer, upload) => {
        await writer.discard()
        await state.write(() => store.removeUpload(upload.id))
        return {status: 204}
      })
    }),
    imageRoute('HEAD', 'blobs/(?<digest>[^/]+)', async (name, {params, call}) => {
      spaces.require(call, 'artifactregistry.repositories.downloadArtifacts', name.space)
      const digest = validDigest(params['digest'] ?? '')
      return {headers: blobHeaders(digest, knownBlob(name, digest).sizeBytes)}
    }),
    imageRoute('GET', 'blobs/(?<digest>[^/]+)', async (name, {params, headers, call}) => {
      spaces.require(call, 'artifactregistry.repositories.downloadArtifacts', name.space)
      const digest = validDigest(params['digest'] ?? '')
      const {sizeBytes} = knownBlob(name, digest)
      const range = parseRange(headers.range, sizeBytes)
      if (!range) return {headers: blobHeaders(digest, sizeBytes), body: store.openBlob(digest)}
      return {
        status: 206,
        headers: {
          ...blobHeaders(digest, range.end - range.start + 1),
          'content-range': `bytes ${range.start}-${range.end}/${sizeBytes}`,
        },
        body: store.openBlob(digest, range),
      }
    }),
    imageRoute('DELETE', 'blobs/(?<digest>[^/]+)', async () => {
      throw new RegistryError(
        'UNSUPPORTED',
        'Blobs cannot be deleted one by one; delete the manifest or the repository.',
      )
    }),
  ]
}

/** A digest as this registry uses them. @throws RegistryError DIGEST_INVALID */
export function validDigest(digest: string): string {
  if (/^sha256:[a-f0-9]{64}$/.test(digest)) return digest
  throw new RegistryError('DIGEST_INVALID', `"${digest}" is not sha256:<64 hex digits>.`, {digest})
}

function blobHeaders(digest: string, sizeBytes: number): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(sizeBytes),
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
  }
}

/** A single range, inclusive; `undefined` for the whole. @throws RegistryError RANGE_INVALID */
function parseRange(header: string | undefined, sizeBytes: number): {start: number; end: number} | undefined {
  const {first, last} = /^bytes=(?<first>\d*)-(?<last>\d*)$/.exec(header ?? '')?.groups ?? {}
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first)
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)
  if (start > end)
    throw new RegistryError('RANGE_INVALID', `The range ${header} is outside the blob's ${sizeBytes} bytes.`)
  return {start, end}
}

function spaceOf(name: string): string | undefined {
  return /^[^/]+\/[^/]+(?=\/)/.exec(name)?.[0]
}

/** Runs `work`; nothing is left of what was written if it fails. */
async function orDiscard<T>(writer: BlobWriter, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await writer.discard()
    throw error
  }
}

async function receive(stream: Readable, writer: BlobWriter): Promise<void> {
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('The request stream has an encoding set.')
    await writer.write(chunk)
  }
}
