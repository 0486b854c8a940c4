import {isJsonObject} from '../../wire/json.ts'
import {type Engine, EngineError} from './engine.ts'

/** Label on every container: the state folder of its local cloud. */
export const OWNER_LABEL = 'dev.cloud-runner.local-cloud'

/** Kills and removes all containers of a local cloud. */
export async function removeContainers(engine: Engine, owner: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({label: [`${OWNER_LABEL}=${owner}`]}))
  const found: unknown = await engine.call('GET', `/containers/json?all=true&filters=${filters}`)
  const ids = (Array.isArray(found) ? found : []).flatMap((container: unknown) =>
    isJsonObject(container) && typeof container['Id'] === 'string' ? [container['Id']] : [],
  )
  await Promise.all(ids.map((id) => removeContainer(engine, id)))
}

/** Kills and removes a container; does nothing if it is gone or is being removed. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  try {
    await engine.call('DELETE', `/containers/${id}?force=true&v=true`)
  } catch (error) {
    if (!(error instanceof EngineError && (error.status === 404 || error.status === 409))) throw error
  }
}
