import {saveConfig, settingFor} from './config-file.ts'
import type {Config} from './config.ts'

/**
 * Saves settings given as flags in cloud-runner.json for later commands; those of a pipeline other than the file's go
 * into its own entry.
 */
export async function saveSettings(config: Config): Promise<void> {
  const {sources, settings, folder, workerFolder, model, entry} = config
  const values: Readonly<Record<string, string | number | undefined>> = {
    ...settings,
    worker: workerFolder && settingFor(workerFolder, folder),
    model: model?.startsWith('gs://') === false ? settingFor(model, folder) : model,
  }
  const isGiven = (setting: string, kind: string) =>
    (kind === 'flag' && (setting !== 'name' || entry === undefined)) ||
    (kind === 'implied' && sources.project.kind === 'flag')
  const given = Object.entries(sources)
    .filter(([setting, {kind}]) => isGiven(setting, kind))
    .map(([setting]) => [setting, values[setting]])
  if (given.length > 0) await saveConfig(folder, Object.fromEntries(given), entry)
}
