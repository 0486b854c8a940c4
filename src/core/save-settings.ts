import {saveConfig, settingFor} from './config-file.ts'
import type {Config} from './config.ts'

/**
 * Saves settings given as flags in cloud-runner.json for later commands: in the entry of the environment, and in one of
 * its own for a pipeline other than the file's. A new pipeline is declared even without settings.
 */
export async function saveSettings(config: Config): Promise<void> {
  const {sources, settings, folder, workerFolder, model, envFile, flags, place, own} = config
  const {name, ...others} = flags
  const changes = {
    ...others,
    ...(name === undefined || place.pipeline !== undefined || place.env !== undefined ? {} : {name}),
    ...(sources.target.kind === 'implied' && sources.project.kind === 'flag'
      ? {target: settings.target}
      : {}),
    ...(flags.worker === undefined ? {} : {worker: workerFolder && settingFor(workerFolder, folder)}),
    ...(flags.envFile === undefined ? {} : {envFile: envFile && settingFor(envFile, folder)}),
    ...(flags.model === undefined
      ? {}
      : {model: model?.startsWith('gs://') === false ? settingFor(model, folder) : model}),
  }
  const {pipeline} = place
  if (pipeline !== undefined && pipeline !== own) await saveConfig(folder, {}, {pipeline})
  if (Object.keys(changes).length > 0) await saveConfig(folder, changes, place)
}
