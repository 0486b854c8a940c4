import {Flags} from '@oclif/core'

import {CloudRunnerCommand, selectionFlags} from '../../cli/base.ts'
import {usageError} from '../../cli/failure.ts'
import {openTools, runProgram} from '../../cli/targets.ts'
import {command, suggest} from '../../core/suggestion.ts'

export default class LocalExec extends CloudRunnerCommand {
  static override enableJsonFlag = false
  // Standard output is the program's.
  static override baseFlags = selectionFlags
  static override isAboutPipeline = false
  static override summary = 'Run a program against the local cloud instead of Google Cloud.'
  static override usage = '<%= command.id %> [--allow <host>] -- COMMAND…'
  static override description =
    'Standard input and output, signals and the exit code are the program\'s own. It gets the settings that "local env" prints; your own credentials are hidden from it. Google\'s own hosts lead to the local cloud, over TLS too. Requests to other hosts are refused and listed by "local status".'
  static override examples = [
    {
      description: 'Terraform, with the real google provider',
      command: '<%= config.bin %> <%= command.id %> -- terraform apply',
    },
    {
      description: 'The first time, to download the provider',
      command:
        '<%= config.bin %> <%= command.id %> --allow registry.terraform.io --allow releases.hashicorp.com -- terraform init',
    },
    {
      description: 'Upload a file with gcloud',
      command: '<%= config.bin %> <%= command.id %> -- gcloud storage cp data.csv gs://BUCKET/',
    },
    {
      description: 'A shell',
      command: '<%= config.bin %> <%= command.id %> -- bash',
    },
  ]
  static override flags = {
    allow: Flags.string({
      summary: 'Host to allow (repeatable).',
      helpValue: '<host>',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  override async run(): Promise<void> {
    // Split before oclif parses: it would take the program's flags for its own, and it reorders repeated words.
    const end = this.argv.indexOf('--')
    const ours = end === -1 ? this.argv : this.argv.slice(0, end)
    const program = end === -1 ? [] : this.argv.slice(end + 1)
    if (program.length === 0) {
      const meant = ours.some((word) => !word.startsWith('-')) ? ours : ['terraform', 'plan']
      throw usageError('local exec needs a command to run, after --.', [
        suggest`For example: ${command('local exec', '--', ...meant)}`,
      ])
    }
    const {flags} = await this.parse(LocalExec, ours)
    const {allow = [], ...target} = flags
    const {environment} = await openTools(await this.configureFolder({...target, target: 'local'}), {
      allowed: allow,
      signal: this.signal,
      starting: (work) => this.task('Start the local cloud', work),
    })
    this.releaseSignals()
    process.exitCode = await runProgram(program, environment)
  }
}
