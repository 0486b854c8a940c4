import type {Images, Registry} from '../core/ports/images.ts'
import {assembleImage, LIVENESS_PORT, NODE_WORKER} from './assemble.ts'
import {bundleWorker, isOnRuntime} from './bundle.ts'
import {MANIFEST_TYPES, pullBase, pullLabels} from './pull.ts'
import {pushImage} from './push.ts'
import {createRegistryClient} from './registry-client.ts'

/** The base of the `Dockerfile`. */
const BASE = {
  registry: {origin: 'https://gcr.io', authorization: async () => undefined} satisfies Registry,
  repository: 'distroless/nodejs24-debian12',
  reference: 'nonroot',
}

/** Images without a docker engine: esbuild bundles, and registries are asked over their own protocol. */
export function createImages(): Images {
  return {
    bundleWorker,
    async livenessPort(folder) {
      return (await isOnRuntime(folder)) ? LIVENESS_PORT : undefined
    },
    async assemble({files, labels, program = NODE_WORKER, hasBase, annotations, signal}) {
      const image = await assembleImage({
        files,
        labels,
        program: {...program, annotations: {...program.annotations, ...annotations}},
        ...(hasBase ? {base: await pullBase({...BASE, signal})} : {}),
      })
      return {
        digest: image.digest,
        push: async (options) => void (await pushImage(image, options)),
      }
    },
    async findDigest({path, version}, {registry, signal}) {
      const client = createRegistryClient({registry, signal})
      const {status, headers} = await client.persist(() =>
        client.request(`/v2/${path}/manifests/${version}`, {
          method: 'HEAD',
          expected: [200, 404],
          headers: {accept: MANIFEST_TYPES},
        }),
      )
      if (status === 404) return undefined
      return headers.get('docker-content-digest') ?? (version.startsWith('sha256:') ? version : undefined)
    },
    readLabels: ({path, version}, options) => pullLabels({...options, repository: path, reference: version}),
  }
}
