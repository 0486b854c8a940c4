import type {SettingName} from './settings.ts'

/** `labelColumn` → `label_column`, as Terraform names it. */
export function snakeCase(setting: SettingName): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `labelColumn` → `CLOUD_RUNNER_LABEL_COLUMN` */
export function environmentName(setting: SettingName): string {
  return `CLOUD_RUNNER_${snakeCase(setting).toUpperCase()}`
}

/** `labelColumn` → `--label-column`; `name` → `--pipeline`, since `upload --name` names an object; one of several is singular. */
export function flagName(setting: SettingName): string {
  const words: Readonly<Partial<Record<SettingName, string>>> = {
    name: 'pipeline',
    environment: 'variable',
    secrets: 'secret',
    envFile: 'env-file',
    labels: 'label',
  }
  return `--${words[setting] ?? snakeCase(setting).replaceAll('_', '-')}`
}
