import {saveConfig, settingFor} from './config-file.ts'
import type {Config} from './config.ts'

/**
 * Saves settings given as flags in cloud-runner.json for later commands; those of a pipeline other than the file's go
 * into its own entry.
 */
export async function saveSettings(config: Config): Promise<void> {
  const {sources, settings, folder, workerFolder, model, envFile, flags, entry} = config
  const {name, ...others} = flags
  const changes = {
    ...others,
    ...(name === undefined || entry !== undefined ? {} : {name}),
    ...(sources.target.kind === 'implied' && sources.project.kind === 'flag'
      ? {target: settings.target}
      : {}),
    ...(flags.worker === undefined ? {} : {worker: workerFolder && settingFor(workerFolder, folder)}),
    ...(flags.envFile === undefined ? {} : {envFile: envFile && settingFor(envFile, folder)}),
    ...(flags.model === undefined
      ? {}
      : {model: model?.startsWith('gs://') === false ? settingFor(model, folder) : model}),
  }
  if (Object.keys(changes).length > 0) await saveConfig(folder, changes, entry)
}
