// A worker as small as the contract in the README allows: adds the total to each order in a file of JSON lines. It is
// JavaScript without packages, meant to be read and rewritten in another language.
import {createHash, randomUUID} from 'node:crypto'
import {createServer} from 'node:http'
import {text} from 'node:stream/consumers'

const {PORT = '8080', HOST, FRONT_END_SECRET} = process.env
const {K_REVISION, IMAGE_DIGEST} = process.env
const {OUTPUT_BUCKET = '', STORAGE_EMULATOR_HOST, GCE_METADATA_HOST} = process.env
const {FILTER_PREFIX = '', FILTER_SUFFIX = '', AFTERWARDS} = process.env
const STORAGE = STORAGE_EMULATOR_HOST ?? 'https://storage.googleapis.com'
const METADATA_SERVER = `http://${GCE_METADATA_HOST ?? 'metadata.google.internal'}`

/** The work itself. @throws Fault if the file can never be processed; anything else is retried */
function processFile(content) {
  const lines = content.split('\n')
  return lines
    .map((line, index) => (line.trim() === '' ? '' : `${JSON.stringify(withTotal(line, index + 1))}\n`))
    .join('')
}

class Fault extends Error {}

function withTotal(line, number) {
  try {
    const order = JSON.parse(line)
    const total = Math.round(order.quantity * order.price * 100) / 100
    if (Number.isFinite(total)) return {...order, total}
  } catch {
    // Reported below.
  }
  throw new Fault(`Line ${number} is not an order with a quantity and a price.`)
}

/** One delivery: reads that generation and writes the result, unless another delivery already has. @returns the outcome */
async function deliver(
  {bucketId: bucket, objectId: object, objectGeneration: generation, eventType, 'reprocess-id': reprocessId},
  attempt,
  publishTime,
) {
  if (eventType !== 'OBJECT_FINALIZE' || object.startsWith('_cloud-runner/') || object.endsWith('/'))
    return 'skipped'
  const isArchived = AFTERWARDS === 'archive' && object.startsWith('archive/')
  if (isArchived || !object.startsWith(FILTER_PREFIX) || !object.endsWith(FILTER_SUFFIX)) return 'skipped'
  const previous = await find(OUTPUT_BUCKET, object)
  const error = await find(OUTPUT_BUCKET, `_cloud-runner/${object}/error.json`)
  for (const {metadata, name} of [previous, error].filter((one) => one !== undefined)) {
    const madeFrom = BigInt(metadata?.['source-generation'] ?? 0)
    if (madeFrom > BigInt(generation)) return 'superseded'
    if (madeFrom === BigInt(generation) && metadata?.cancelled !== undefined) continue
    const isSameRequest = reprocessId === undefined || reprocessId === metadata?.['reprocess-id']
    if (madeFrom !== BigInt(generation) || !isSameRequest) continue
    if (name === object) await dispose(bucket, object, generation)
    return 'duplicate'
  }

  const isCancelled =
    error?.metadata?.cancelled !== undefined && error.metadata['source-generation'] === generation
  if (isCancelled && Date.parse(publishTime) <= Date.parse(error.timeCreated)) return 'cancelled'

  const file = await find(bucket, object, generation)
  if (file?.metadata?.['source-generation'] !== undefined) return 'skipped'
  const path = `/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`
  const input = await call('GET', `${path}?alt=media&generation=${generation}`)
  if (file === undefined || input.status === 404) return 'gone'
  const content = Buffer.from(await input.arrayBuffer())
  // Bytes that were damaged on their way must not count as a bad file. Composite objects have no MD5.
  const md5 = file.contentEncoding === undefined ? file.md5Hash : undefined
  if (md5 !== undefined && createHash('md5').update(content).digest('base64') !== md5)
    throw new Error("the received bytes do not match the object's MD5")
  const marks = {
    'source-generation': generation,
    attempt: String(attempt),
    ...(K_REVISION === undefined ? {} : {revision: K_REVISION}),
    ...(IMAGE_DIGEST === undefined ? {} : {image: IMAGE_DIGEST}),
    ...(reprocessId === undefined ? {} : {'reprocess-id': reprocessId}),
  }
  const origin = {'source-size': file.size, 'source-created': file.timeCreated}
  try {
    const result = processFile(content.toString())
    await write(object, result, 'application/x-ndjson', {...marks, ...origin}, previous?.generation ?? '0')
    if (error) await call('DELETE', `/storage/v1/b/${OUTPUT_BUCKET}/o/${encodeURIComponent(error.name)}`)
    await dispose(bucket, object, generation)
    return 'done'
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault
    const report = {code: 'not-an-order', message: fault.message, suggestions: [], object, generation}
    await write(
      `_cloud-runner/${object}/error.json`,
      JSON.stringify(report),
      'application/json',
      marks,
      error?.generation ?? '0',
    )
    return 'failed'
  }
}

/** Archives or deletes an input whose result exists; a later upload of the name stays. */
async function dispose(bucket, object, generation) {
  if (AFTERWARDS !== 'archive' && AFTERWARDS !== 'delete') return
  const input = await find(bucket, object)
  if (input?.generation !== generation) return
  const path = `/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`
  if (AFTERWARDS === 'archive' && !(await archive(bucket, input, path))) return
  await call('DELETE', `${path}?ifGenerationMatch=${generation}`)
}

/** Copies an input into the archive, over an older copy. @returns false if another object has the name of the copy */
async function archive(bucket, {name, generation, contentType, metadata}, path) {
  const copy = `archive/${name}`
  const there = await find(bucket, copy)
  const source = there?.metadata?.['source-generation']
  if (there !== undefined && source === undefined) {
    log('WARNING', `not archived: ${copy} exists and is not a copy of the pipeline's`)
    return false
  }
  if (source !== undefined && BigInt(source) >= BigInt(generation)) return true
  const body = JSON.stringify({contentType, metadata: {...metadata, 'source-generation': generation}})
  const target = `${path}/rewriteTo/b/${bucket}/o/${encodeURIComponent(copy)}`
  const conditions = `sourceGeneration=${generation}&ifGenerationMatch=${there?.generation ?? 0}`
  for (let token = ''; token !== undefined;) {
    const query = `${conditions}${token && `&rewriteToken=${encodeURIComponent(token)}`}`
    const answer = await call('POST', `${target}?${query}`, body, {'content-type': 'application/json'})
    token = (await answer.json()).rewriteToken
  }
  return true
}

async function find(bucket, name, generation) {
  const query = generation === undefined ? '' : `?generation=${generation}`
  const found = await call('GET', `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}${query}`)
  return found.status === 404 ? undefined : found.json()
}

/** Writes an object with its metadata in one request, if it is still at that generation; '0' is absent. */
async function write(name, content, contentType, metadata, generation) {
  const resource = JSON.stringify({name, contentType, metadata})
  const boundary = randomUUID()
  const body = `--${boundary}\r\ncontent-type: application/json\r\n\r\n${resource}\r\n--${boundary}\r\ncontent-type: ${contentType}\r\n\r\n${content}\r\n--${boundary}--\r\n`
  const path = `/upload/storage/v1/b/${OUTPUT_BUCKET}/o?uploadType=multipart&ifGenerationMatch=${generation}`
  const type = `multipart/related; boundary=${boundary}`
  const written = await call('POST', path, body, {'content-type': type})
  if (written.status === 404) throw new Error(`No bucket ${OUTPUT_BUCKET}.`)
}

/** A request to Cloud Storage. @throws Error for any answer but success and 404 */
async function call(method, path, body, headers = {}) {
  const response = await fetch(STORAGE + path, {
    method,
    ...(body === undefined ? {} : {body}),
    headers: {...(await authorization()), ...headers},
  })
  if (response.ok || response.status === 404) return response
  throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 300)}`)
}

/** The service account's token; the local cloud knows the caller by the port it calls. */
async function authorization() {
  if (STORAGE_EMULATOR_HOST !== undefined) return {}
  const path = '/computeMetadata/v1/instance/service-accounts/default/token'
  const response = await fetch(METADATA_SERVER + path, {headers: {'metadata-flavor': 'Google'}})
  return {authorization: `Bearer ${(await response.json()).access_token}`}
}

function log(severity, message, fields = {}, labels = {}) {
  process.stdout.write(
    `${JSON.stringify({severity, message, ...fields, 'logging.googleapis.com/labels': labels})}\n`,
  )
}

/** @returns the status: 204 acknowledges, 503 requests another delivery */
async function take(request) {
  const body = await text(request)
  let envelope
  try {
    envelope = JSON.parse(body)
    if (typeof envelope.message.attributes.objectId !== 'string') throw new TypeError('no object')
  } catch (error) {
    log('ERROR', `malformed: ${error.message}`)
    return 204
  }
  const {attributes} = envelope.message
  const attempt = envelope.deliveryAttempt ?? 1
  const labels = {
    bucket: attributes.bucketId,
    object: attributes.objectId,
    generation: attributes.objectGeneration,
    'message-id': envelope.message.messageId,
    attempt: String(attempt),
  }
  log('INFO', 'processing', {}, labels)
  try {
    const outcome = await deliver(attributes, attempt, envelope.message.publishTime)
    log(outcome === 'failed' ? 'ERROR' : 'INFO', outcome, {outcome}, labels)
    return 204
  } catch (error) {
    log('ERROR', `refused, to be delivered again: ${error.message}`, {outcome: 'refused'}, labels)
    return 503
  }
}

let isStopping = false
const server = createServer({keepAliveTimeout: 620_000}, (request, response) => {
  // While stopping, close the connection after each response, or the server would wait for its next request.
  const answer = (status) => response.writeHead(status, isStopping ? {connection: 'close'} : {}).end()
  if (FRONT_END_SECRET && request.headers['x-front-end-secret'] !== FRONT_END_SECRET) answer(403)
  else if (request.method === 'POST' && request.url === '/') take(request).then(answer, () => answer(503))
  else answer(request.url === '/healthz' ? 200 : 404)
})
server.listen({port: Number(PORT), host: HOST}, () => {
  const {port} = server.address()
  log('INFO', `listening on port ${port}`, {port})
})
// Current work is finished; Cloud Run waits ten seconds for it.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    log('INFO', `${signal}: stopping`)
    isStopping = true
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}
