import type {AccessControl} from '../iam/access.ts'
import type {Operations} from '../operations/operations.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import type {Route} from '../wire/routes.ts'
import {blobRoutes} from './blob-routes.ts'
import {createImages, createImageStore} from './image-store.ts'
import type {Images} from './images.ts'
import {manifestRoutes} from './manifest-routes.ts'
import {repositoryRoutes} from './repositories.ts'
import {createSpaces} from './spaces.ts'

export {registrySchema} from './schema.ts'

export interface ArtifactRegistryDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly operations: Operations
}

/**
 * Artifact Registry: a registry of container images (OCI distribution API under `/v2/`) and the REST API of its
 * repositories under `/v1/`.
 * @returns `blobIds` are the ids of all blobs it refers to, for `Blobs.sweep`
 */
export function createArtifactRegistry(dependencies: ArtifactRegistryDependencies): {
  routes: Route[]
  images: Images
  blobIds: () => string[]
} {
  const store = createImageStore(dependencies)
  const distribution = {state: dependencies.state, store, spaces: createSpaces(dependencies)}
  return {
    routes: [
      ...blobRoutes(distribution),
      ...manifestRoutes(distribution),
      ...repositoryRoutes({...dependencies, store}),
    ],
    images: createImages(store),
    blobIds: store.blobIds,
  }
}
