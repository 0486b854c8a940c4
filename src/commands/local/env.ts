import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {ENVIRONMENT_FORMATS, openTools, renderEnvironment, type ToolsEnvironment} from '../../cli/open.ts'

export default class LocalEnv extends CloudRunnerCommand {
  static override summary =
    'Print what points other tools at the local cloud: Terraform, gcloud, client libraries.'
  static override description =
    'Nothing of it leaves this machine: the proxies refuse every other host at once, and "local status" lists what was refused. --allow makes exceptions, such as the registry that "terraform init" asks.'
  static override examples = [
    {
      description: 'For this shell, as eval "$(…)" takes it',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'As a file of variables',
      command: '<%= config.bin %> <%= command.id %> --format dotenv > .env',
    },
    {
      description: 'As an override file of a Terraform module',
      command: '<%= config.bin %> <%= command.id %> --format terraform > local_override.tf',
    },
    {
      description: 'As a configuration of gcloud',
      command:
        '<%= config.bin %> <%= command.id %> --format gcloud > ~/.config/gcloud/configurations/config_local',
    },
  ]
  static override flags = {
    format: Flags.option({
      summary: 'How it is written.',
      description:
        'shell: lines to eval; dotenv and json: for other programs; terraform: an override file with the provider, faster than the variables; gcloud: a configuration.',
      options: ENVIRONMENT_FORMATS,
      default: 'shell' as const,
    })(),
    allow: Flags.string({
      summary: 'A host that may be reached nevertheless; may be given several times.',
      helpValue: '<host>',
      multiple: true,
    }),
  }

  override async run(): Promise<ToolsEnvironment> {
    const {flags} = await this.parse(LocalEnv)
    const {format, allow = [], ...target} = flags
    const config = await this.configure({...target, target: 'local'})
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
