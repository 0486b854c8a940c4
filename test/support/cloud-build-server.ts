import type {IncomingMessage} from 'node:http'
import {Readable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {pipeline} from 'node:stream/promises'
import {createGunzip} from 'node:zlib'
import {extract} from 'tar-stream'
import {forward, startServer} from './answering-server.ts'
import {parseObject} from './cli.ts'
import {buildImage, pushImage} from './oci-image.ts'

/** How a build ends; the default is that it succeeds. */
export interface Outcome {
  /** HTTP status and message of the refusal to start a build. */
  readonly refused?: readonly [number, string]
  /** Fields of the build in the end. */
  readonly build?: object
  /** Lines of its log. */
  readonly log?: readonly string[]
  /** Never ends by itself. */
  readonly isEndless?: boolean
}

/**
 * Cloud Build's REST API in front of a local cloud, which gets all other requests. A build reads its source from the
 * local cloud's bucket and pushes an image with the same files to its registry; steps are not run.
 * https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.builds
 */
export async function startCloudBuild(local: string, outcome: Outcome = {}) {
  const bodies: Record<string, unknown>[] = []
  const sources: Record<string, string>[] = []
  const cancelled = Promise.withResolvers<string>()
  let polls = 0
  let reads = 0
  let digest: string | undefined

  async function start(request: IncomingMessage) {
    const body = parseObject(await text(request))
    bodies.push(body)
    const {source, images} = body
    const {bucket, object, generation} = parseObject(
      JSON.stringify(parseObject(JSON.stringify(source))['storageSource']),
    )
    const files = await read(
      `${local}/storage/v1/b/${String(bucket)}/o/${encodeURIComponent(String(object))}?alt=media&generation=${String(generation)}`,
    )
    sources.push(files)
    const [image] = Array.isArray(images) ? images.map(String) : []
    if (image !== undefined) {
      const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(image) ?? []
      const built = await buildImage({files})
      await pushImage(local, repository, built, tag)
      digest = built.digest
    }
    const build = {id: 'b-1', status: 'QUEUED', logUrl: LOG_URL, images}
    return {name: 'operations/build/p/b-1', metadata: {build}}
  }

  /** One more line each time. */
  async function list(request: IncomingMessage): Promise<object[]> {
    const filter = String(parseObject(await text(request))['filter'])
    if (!filter.includes('resource.labels.build_id="b-1"')) return []
    reads++
    const [, since = ''] = /timestamp>="([^"]+)"/.exec(filter) ?? []
    return (outcome.log ?? [])
      .slice(0, reads)
      .map((textPayload, index) => ({
        textPayload,
        insertId: `line-${index}`,
        timestamp: `2026-01-01T00:00:0${index}Z`,
      }))
      .filter(({timestamp}) => timestamp >= since)
  }

  function look(): object {
    polls++
    const steps = [{name: 'gcr.io/cloud-builders/docker', status: polls > 1 ? 'WORKING' : 'QUEUED'}]
    const [body] = bodies
    const images = Array.isArray(body?.['images']) ? body['images'].map((name) => ({name, digest})) : []
    const build = {id: 'b-1', logUrl: LOG_URL, steps, serviceAccount: `projects/p/serviceAccounts/${ACCOUNT}`}
    if (polls < 3 || outcome.isEndless) return {...build, status: polls === 1 ? 'QUEUED' : 'WORKING'}
    return {...build, status: 'SUCCESS', results: {images}, ...outcome.build}
  }

  const origin = await startServer((request, response) => {
    const {pathname} = new URL(request.url ?? '/', local)
    const answer = (status: number, body: object) => {
      response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body))
    }
    const [, rest] = /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/builds(.*)$/.exec(pathname) ?? []
    if (pathname === '/v2/entries:list') {
      void list(request).then((entries) => answer(200, {entries}))
    } else if (rest === '' && outcome.refused !== undefined) {
      const [code, message] = outcome.refused
      answer(code, {error: {code, message}})
    } else if (rest === '') {
      void start(request).then(
        (operation) => answer(200, operation),
        (error: unknown) => answer(500, {error: {code: 500, message: String(error)}}),
      )
    } else if (rest === '/b-1:cancel') {
      cancelled.resolve('b-1')
      answer(200, {id: 'b-1', status: 'CANCELLED'})
    } else if (rest === '/b-1') answer(200, look())
    else forward(request, response, local)
  })
  return {origin, bodies, sources, cancelled: cancelled.promise}
}

export const LOG_URL = 'https://console.cloud.google.com/cloud-build/builds;region=europe-west3/b-1'
export const ACCOUNT = '1-compute@developer.gserviceaccount.com'

/** The files of a tar.gz, by path. */
async function read(url: string): Promise<Record<string, string>> {
  const response = await fetch(url)
  if (!response.ok || response.body === null) throw new Error(`${url}: ${response.status}`)
  const entries = extract()
  const unpacked = pipeline(Readable.fromWeb(response.body), createGunzip(), entries)
  const files: Record<string, string> = {}
  for await (const entry of entries) files[entry.header.name] = await text(entry)
  await unpacked
  return files
}
