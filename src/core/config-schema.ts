import {CONFIG_FILE} from './config-file.ts'
import {SETTING_NAMES, SETTINGS} from './settings/settings.ts'
import {ENV_NAME, ENVIRONMENTS, PIPELINES, PROTECTED} from './config-sections.ts'

/** JSON Schema (2020-12) of `cloud-runner.json`, generated from the table of settings. */
export function configSchema(): object {
  const properties = Object.fromEntries(
    SETTING_NAMES.map((setting) => {
      const {description, rule, schema} = SETTINGS[setting]
      return [setting, {description: `${description} Must be ${rule}.`, ...schema}]
    }),
  )
  const {name: _, ...ofOnePipeline} = properties
  const pipelines = {
    description:
      'Settings of individual pipelines by name, for --pipeline NAME; they override the other settings of the file.',
    type: 'object',
    propertyNames: SETTINGS.name.schema,
    additionalProperties: {type: 'object', properties: ofOnePipeline, additionalProperties: false},
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: CONFIG_FILE,
    description: 'Settings of a cloud-runner pipeline. Every field is optional.',
    type: 'object',
    properties: {
      $schema: {type: 'string'},
      ...properties,
      [PIPELINES]: pipelines,
      [ENVIRONMENTS]: {
        description:
          'Settings of individual environments by name, for --env NAME; they override those of the file and its pipelines.',
        type: 'object',
        propertyNames: {type: 'string', pattern: ENV_NAME.pattern.source},
        additionalProperties: {
          type: 'object',
          properties: {
            [PROTECTED]: {
              description:
                'Whether commands that change the pipeline, such as setup and deploy, ask for its name first.',
              type: 'boolean',
              default: false,
            },
            ...ofOnePipeline,
            [PIPELINES]: pipelines,
          },
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
  }
}
