import {join, resolve} from 'node:path'
import type {Images} from '../artifact-registry/images.ts'
import {namingDisk} from '../disk-full.ts'
import type {Clock} from '../wire/clock.ts'
import {createDockerRuntime, type DockerRuntime} from './docker/runtime.ts'
import type {Runtime} from './instance.ts'
import {createProcessRuntime, RUNTIME_ANNOTATION} from './process-runtime.ts'
import {removeLeftovers} from './unpack.ts'

/**
 * Runs each image as a process if it is annotated with a runtime, otherwise as a container.
 * @param stateFolder the local cloud's: keeps unpacked images and the record of those pulled by an engine
 */
export function createRuntimes({
  stateFolder,
  images,
  registry,
  clock,
}: {
  stateFolder: string
  images: Images
  registry: () => string
  clock: Clock
}): DockerRuntime {
  const folder = join(stateFolder, 'instances')
  const processes = createProcessRuntime({folder, images, clock})
  const containers = createDockerRuntime({
    folder: resolve(stateFolder, 'containers'),
    images,
    registry,
    clock,
    environment: process.env,
  })
  const kindOf = ({annotations}: {annotations: Readonly<Record<string, string>>}): Runtime =>
    annotations[RUNTIME_ANNOTATION] === undefined ? containers : processes
  return {
    prepare: (image) => namingDisk(stateFolder, () => kindOf(image).prepare(image)),
    start: (spec) => namingDisk(stateFolder, () => kindOf(spec.image).start(spec)),
    async removeLeftovers(needed) {
      await removeLeftovers(folder, needed)
      await containers.removeLeftovers(needed)
    },
    close: (needed) => containers.close(needed),
  }
}
