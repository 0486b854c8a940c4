import type {Config} from '../../core/config.ts'
import {AppError} from '../../core/errors.ts'
import {writeBotoFile} from '../../tools/environment/boto-file.ts'
import {environmentOf, type Environment, type LocalCloudOrigins} from '../../tools/environment/environment.ts'
import {packageVersion} from '../../tools/package-version.ts'
import {localCloudOf, type StartOptions} from './local-cloud.ts'

/** What points other programs at the folder's local cloud. */
export interface ToolsEnvironment extends LocalCloudOrigins, Environment {}

/**
 * Makes sure that the folder's local cloud runs, for programs that are not ours.
 * @param allowed hosts that they may reach besides
 */
export async function openTools(
  config: Config,
  {allowed, signal, starting}: StartOptions & {readonly allowed: readonly string[]},
): Promise<{readonly origins: LocalCloudOrigins; readonly environment: Environment}> {
  const local = localCloudOf(config)
  if ((await local.status())?.version !== packageVersion) await starting(() => local.start({signal}))
  const running = await local.status()
  if (running === undefined) {
    throw new AppError('The local cloud ended as soon as it had started.', {
      code: 'local-cloud-failed',
      suggestions: ['See whether it runs: cloud-runner local status'],
    })
  }
  const {project, region} = config.settings
  const {endpoint, proxy, tls} = running
  const origins = {endpoint, proxy, tls, folder: local.folder, project, region}
  await writeBotoFile(origins)
  return {origins, environment: environmentOf(origins, allowed)}
}
