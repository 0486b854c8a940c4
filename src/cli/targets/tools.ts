import type {Config} from '../../core/config.ts'
import {AppError} from '../../core/errors.ts'
import {writeBotoFile} from '../../tools/environment/boto-file.ts'
import {environmentOf, type Environment, type LocalCloudOrigins} from '../../tools/environment/environment.ts'
import {writeTrustFiles} from '../../tools/environment/trust-files.ts'
import {packageVersion} from '../../tools/package-version.ts'
import {localCloudOf, type StartOptions} from './local-cloud.ts'
import {command, suggest} from '../../core/suggestion.ts'

/** Settings that point other programs at the folder's local cloud. */
export interface ToolsEnvironment extends LocalCloudOrigins, Environment {}

/**
 * Starts the folder's local cloud unless it is running, for other programs.
 * @param allowed other hosts that they may reach
 */
export async function openTools(
  config: Config,
  {allowed, signal, starting}: StartOptions & {readonly allowed: readonly string[]},
): Promise<{readonly origins: LocalCloudOrigins; readonly environment: Environment}> {
  const local = localCloudOf(config)
  if ((await local.status())?.version !== packageVersion) await starting(() => local.start({signal}))
  const running = await local.status()
  if (running === undefined) {
    throw new AppError('The local cloud exited right after it started.', {
      code: 'local-cloud-failed',
      suggestions: [suggest`Check it: ${command('local status')}`],
    })
  }
  const {project, region} = config.settings
  const {endpoint, proxy, tls} = running
  const origins = {endpoint, proxy, tls, folder: local.folder, project, region}
  await writeBotoFile(origins)
  await writeTrustFiles(local.folder, tls.certificate)
  return {origins, environment: environmentOf(origins, allowed)}
}
