import type {Config} from '../../core/config.ts'
import {AppError} from '../../core/errors.ts'
import type {Infrastructure} from '../../core/ports/infrastructure.ts'
import type {GoogleCloud} from '../../google/cloud.ts'
import {
  proxyEnvironment,
  terraformEnvironment,
  type Environment,
} from '../../tools/environment/environment.ts'
import {proxyOf} from '../../tools/local-cloud-address.ts'
import {createTerraformInfrastructure} from '../../tools/terraform/infrastructure.ts'
import {command, suggest} from '../../core/suggestion.ts'

/**
 * Infrastructure by Terraform, in its own working folder.
 * @param endpoint of the local cloud to point it at; `undefined` for Google
 */
export async function terraformOn(
  {settings, stateFolder}: Config,
  cloud: GoogleCloud,
  folder: string,
  endpoint: string | undefined,
): Promise<Infrastructure> {
  const [, bucket = '', prefix = ''] = /^gs:\/\/([^/]+)\/(.+?)\/*$/.exec(settings.state ?? '') ?? []
  const environments =
    endpoint === undefined
      ? googleEnvironments(settings)
      : await localEnvironments(settings, folder, endpoint)
  return createTerraformInfrastructure({
    stateFolder,
    folder,
    state: bucket === '' ? undefined : {bucket, prefix},
    ...environments,
    quick: endpoint !== undefined,
    byApi: {
      leftovers: (pipeline, doing) => cloud.inspection.leftovers(pipeline, doing),
      emptyBuckets: (pipeline, doing) => cloud.buckets.empty(pipeline, doing),
      stateBucket: (pipeline, name, options) => cloud.buckets.forState(pipeline, name, options),
      async liveImage({names}) {
        const service = await cloud.services.get(names.service)
        return service?.latestReadyRevision === undefined ? undefined : service.image
      },
    },
  })
}

const NOTHING: Environment = {set: {}, unset: []}

/**
 * Budgets belong to no project, so a user's credentials have to name the one that their quota is charged to: also to
 * delete a budget that the settings no longer have. What the user exported stays.
 */
function googleEnvironments({project}: Config['settings']): {
  environment: Environment
  downloading: Environment
} {
  const quota = {USER_PROJECT_OVERRIDE: 'true', GOOGLE_BILLING_PROJECT: project}
  const set = Object.fromEntries(Object.entries(quota).filter(([name]) => !process.env[name]))
  return {environment: {set, unset: []}, downloading: NOTHING}
}

/** `init` may reach the provider's registry; no later request leaves the machine. */
async function localEnvironments(
  {project, region}: Config['settings'],
  folder: string,
  endpoint: string,
): Promise<{environment: Environment; downloading: Environment}> {
  const proxy = await proxyOf(endpoint)
  if (proxy === undefined) {
    throw new AppError(`No local cloud answers at ${endpoint}.`, {
      code: 'unreachable',
      suggestions: [suggest`Check it: ${command('local status')}`],
    })
  }
  const origins = {endpoint, proxy, folder, project, region}
  const downloading = terraformEnvironment(origins)
  const proxies = proxyEnvironment(origins, [])
  return {
    downloading,
    environment: {
      set: {...downloading.set, ...proxies.set},
      unset: [...downloading.unset, ...proxies.unset],
    },
  }
}
