import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {ENVIRONMENT_FORMATS, openTools, renderEnvironment, type ToolsEnvironment} from '../../cli/targets.ts'

export default class LocalEnv extends CloudRunnerCommand {
  static override isAboutPipeline = false
  static override summary = 'Print settings that point other tools at the local cloud.'
  static override description =
    'For Terraform, gcloud and the client libraries. Nothing leaves this machine: the proxies refuse every other host, and "local status" lists what they refused. --allow makes exceptions, such as the registry that "terraform init" needs.'
  static override examples = [
    {
      description: 'For this shell: run it as eval "$(…)"',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'As a .env file',
      command: '<%= config.bin %> <%= command.id %> --format dotenv > .env',
    },
    {
      description: 'As an override file for a Terraform module',
      command: '<%= config.bin %> <%= command.id %> --format terraform > local_override.tf',
    },
    {
      description: 'As a gcloud configuration',
      command:
        '<%= config.bin %> <%= command.id %> --format gcloud > ~/.config/gcloud/configurations/config_local',
    },
  ]
  static override flags = {
    format: Flags.option({
      summary: 'Output format.',
      description:
        'shell: lines to eval; dotenv and json: for other programs; terraform: an override file for the provider, faster than the variables; gcloud: a configuration.',
      options: ENVIRONMENT_FORMATS,
      default: 'shell' as const,
    })(),
    allow: Flags.string({
      summary: 'Host to allow (repeatable).',
      helpValue: '<host>',
      multiple: true,
    }),
  }

  override async run(): Promise<ToolsEnvironment> {
    const {flags} = await this.parse(LocalEnv)
    const {format, allow = [], ...target} = flags
    const config = await this.configureFolder({...target, target: 'local'})
    const tools = await openTools(config, {
      allowed: allow,
      signal: this.signal,
      starting: (work) => this.task('Start the local cloud', work),
    })
    if (!this.jsonEnabled()) {
      process.stdout.write(`${renderEnvironment(format, tools.origins, tools.environment).join('\n')}\n`)
    }
    return {...tools.origins, ...tools.environment}
  }
}
