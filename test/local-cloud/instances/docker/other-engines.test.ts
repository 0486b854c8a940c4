import {createServer} from 'node:http'
import {join} from 'node:path'
import {expect, it, onTestFinished} from 'vitest'
import type {Image} from '../../../../src/local-cloud/artifact-registry/images.ts'
import {createDockerRuntime} from '../../../../src/local-cloud/instances/docker/runtime.ts'
import {ManualClock} from '../../../support/manual-clock.ts'
import {temporaryFolder} from '../../../support/temporary-folder.ts'

const IMAGE: Image = {
  digest: `sha256:${'a'.repeat(64)}`,
  annotations: {},
  config: {entrypoint: [], cmd: [], env: [], workingDir: '', user: ''},
  layers: [],
}

/** Prepares an image with an engine that reports `info` and `version` of itself. */
async function prepareWith(info: object, version = '1.50'): Promise<void> {
  const folder = await temporaryFolder()
  const socket = join(folder, 'docker.sock')
  const engine = createServer((request, response) => {
    if (request.url === '/_ping') response.setHeader('api-version', version)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(info))
  })
  await new Promise<void>((resolve) => {
    engine.listen(socket, resolve)
  })
  onTestFinished(() => void engine.close())
  const runtime = createDockerRuntime({
    folder: join(folder, 'containers'),
    images: {place: () => 'p/r/x'},
    registry: () => '127.0.0.1:1',
    clock: new ManualClock(),
    environment: {DOCKER_HOST: `unix://${socket}`},
  })
  await runtime.prepare(IMAGE)
}

it.each([
  [{OperatingSystem: 'Docker Desktop'}, /in a virtual machine.*need Linux/],
  [{OperatingSystem: 'Debian', SecurityOptions: ['name=seccomp', 'name=rootless']}, /rootless.*need Linux/],
])('an engine whose 127.0.0.1 is another is refused: %o', async (info, message) => {
  await expect(prepareWith(info)).rejects.toThrow(message)
})

it('a server that is not an engine is named', async () => {
  await expect(prepareWith({}, '')).rejects.toThrow(/what answers at unix:.* is not a container engine/)
})
