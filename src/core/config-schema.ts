import {CONFIG_FILE, PIPELINES} from './config-file.ts'
import {SETTING_NAMES, SETTINGS} from './pipeline/settings.ts'

/** JSON Schema (2020-12) of `cloud-runner.json`, generated from the table of settings. */
export function configSchema(): object {
  const properties = Object.fromEntries(
    SETTING_NAMES.map((setting) => {
      const {description, rule, schema} = SETTINGS[setting]
      return [setting, {description: `${description} Must be ${rule}.`, ...schema}]
    }),
  )
  const {name: _, ...ofOnePipeline} = properties
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: CONFIG_FILE,
    description: 'Settings of a cloud-runner pipeline. Every field is optional.',
    type: 'object',
    properties: {
      $schema: {type: 'string'},
      ...properties,
      [PIPELINES]: {
        description:
          'Settings of single pipelines by name, for --pipeline NAME; they override those of the file.',
        type: 'object',
        propertyNames: SETTINGS.name.schema,
        additionalProperties: {type: 'object', properties: ofOnePipeline, additionalProperties: false},
      },
    },
    additionalProperties: false,
  }
}
