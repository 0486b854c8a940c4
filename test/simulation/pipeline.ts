import {createHash} from 'node:crypto'
import {CloudProcess} from './cloud-process.ts'
import {call, send} from './client.ts'
import {CALM} from './disk-weather.ts'
import {Disk, type DiskImage, mount} from './disk.ts'
import {connectTo, Network} from './network.ts'
import {enter, World} from './world.ts'

export const PROJECT = 'p-simulated'
export const INPUT = 'simulated-in'
export const OUTPUT = 'simulated-out'
export const TOPIC = `projects/${PROJECT}/topics/uploads`
export const DEAD_SUBSCRIPTION = `projects/${PROJECT}/subscriptions/dead`
const DEAD_TOPIC = `projects/${PROJECT}/topics/dead`
const LOCATION = `projects/${PROJECT}/locations/europe-west3`

export const MOST_ATTEMPTS = 5

export type Afterwards = 'keep' | 'archive' | 'delete'

const images = new Map<Afterwards, DiskImage>()

/** The disk after a pipeline was set up; every simulation of its kind begins with it. */
export async function pipelineDisk(afterwards: Afterwards): Promise<DiskImage> {
  const known = images.get(afterwards)
  if (known !== undefined) return known
  const world = new World(0)
  enter(world)
  const disk = new Disk(world, {...CALM})
  mount(disk)
  connectTo(new Network({delayMs: () => 0, breaks: () => false}))
  const cloud = new CloudProcess()
  cloud.start()
  await world.run(60_000, () => cloud.isReady)
  let isSetUp = false
  world.start('setup', () => {
    setUp(afterwards)
      .then(() => (isSetUp = true))
      .catch((error: unknown) => world.violate(String(error)))
  })
  await world.run(120_000, () => isSetUp)
  cloud.stop()
  await world.run(180_000, () => cloud.process?.isAlive !== true)
  cloud.finish()
  await world.run(200_000)
  if (world.violations.length > 0 || !isSetUp) throw new Error(world.lines.join('\n'))
  const image = disk.image()
  images.set(afterwards, image)
  return image
}

async function setUp(afterwards: Afterwards): Promise<void> {
  for (const name of [INPUT, OUTPUT])
    await call('POST', `/storage/v1/b?project=${PROJECT}`, {
      name,
      location: 'EU',
      versioning: {enabled: name === OUTPUT},
    })
  for (const topic of [TOPIC, DEAD_TOPIC]) await call('PUT', `/v1/${topic}`, {})
  await call('PUT', `/v1/${DEAD_SUBSCRIPTION}`, {topic: DEAD_TOPIC, ackDeadlineSeconds: 600})
  await call('POST', `/v1/${LOCATION}/repositories?repository_id=r`, {format: 'DOCKER'})
  const image = await pushImage(`${PROJECT}/r/worker`)
  const operation = await call('POST', `/v2/${LOCATION}/services?serviceId=worker`, {
    template: {
      timeout: '60s',
      maxInstanceRequestConcurrency: 4,
      scaling: {maxInstanceCount: 2},
      containers: [
        {
          image,
          env: Object.entries({
            INPUT_BUCKET: INPUT,
            OUTPUT_BUCKET: OUTPUT,
            DEADLINE_SECONDS: '60',
            AFTERWARDS: afterwards,
          }).map(([name, value]) => ({name, value})),
        },
      ],
    },
    invokerIamDisabled: true,
  })
  if (operation['error'] !== undefined) throw new Error(JSON.stringify(operation))
  const service = await call('GET', `/v2/${LOCATION}/services/worker`)
  await call('PUT', `/v1/projects/${PROJECT}/subscriptions/worker`, {
    topic: TOPIC,
    pushConfig: {pushEndpoint: service['uri']},
    ackDeadlineSeconds: 60,
    retryPolicy: {minimumBackoff: '1s', maximumBackoff: '20s'},
    deadLetterPolicy: {deadLetterTopic: DEAD_TOPIC, maxDeliveryAttempts: MOST_ATTEMPTS},
  })
  await call('POST', `/storage/v1/b/${INPUT}/notificationConfigs`, {
    topic: `//pubsub.googleapis.com/${TOPIC}`,
    payload_format: 'JSON_API_V1',
    event_types: ['OBJECT_FINALIZE'],
  })
}

/** An image without layers: what runs in its place is the worker's runtime in a simulated process. */
async function pushImage(name: string): Promise<string> {
  const config = Buffer.from(
    JSON.stringify({architecture: 'amd64', os: 'linux', config: {Entrypoint: ['node', '/main.js']}}),
  )
  const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: {mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.length},
    layers: [],
  })
  const blob = await send({method: 'POST', path: `/v2/${name}/blobs/uploads/?digest=${digest}`, body: config})
  const pushed = await send({
    method: 'PUT',
    path: `/v2/${name}/manifests/latest`,
    body: manifest,
    headers: {'content-type': mediaType},
  })
  if (blob.status !== 201 || pushed.status !== 201) throw new Error(`${blob.text}\n${pushed.text}`)
  return `localhost/${name}:latest`
}
