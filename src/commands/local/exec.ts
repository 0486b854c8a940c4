import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../../cli/base.ts'
import {usageError} from '../../cli/failure.ts'
import {openTools, runProgram} from '../../cli/open.ts'

export default class LocalExec extends CloudRunnerCommand {
  static override enableJsonFlag = false
  static override summary = 'Run a program with its Google Cloud replaced by the local cloud.'
  static override usage = '<%= command.id %> [--allow <host>] -- COMMAND…'
  static override description =
    'Standard input and output, signals and the exit code are the program\'s own. What "local env" prints is set for it, and credentials of yours are kept from it. What it asks of other hosts is refused, and listed by "local status".'
  static override examples = [
    {
      description: 'Terraform, with the real google provider',
      command: '<%= config.bin %> <%= command.id %> -- terraform apply',
    },
    {
      description: 'The first time, when the provider is still to be downloaded',
      command:
        '<%= config.bin %> <%= command.id %> --allow registry.terraform.io --allow releases.hashicorp.com -- terraform init',
    },
    {
      description: 'A file by gcloud',
      command: '<%= config.bin %> <%= command.id %> -- gcloud storage cp data.csv gs://BUCKET/',
    },
    {
      description: 'A shell for a while',
      command: '<%= config.bin %> <%= command.id %> -- bash',
    },
  ]
  static override flags = {
    allow: Flags.string({
      summary: 'A host that may be reached nevertheless; may be given several times.',
      helpValue: '<host>',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  override async run(): Promise<void> {
    // Taken before oclif parses: it would take the program's flags for ours, and puts equal words in another order.
    const end = this.argv.indexOf('--')
    const ours = end === -1 ? this.argv : this.argv.slice(0, end)
    const command = end === -1 ? [] : this.argv.slice(end + 1)
    if (command.length === 0) {
      const meant = ours.some((word) => !word.startsWith('-')) ? ours.join(' ') : 'terraform plan'
      throw usageError('local exec needs a command to run, after two hyphens.', [
        `For example: ${this.config.bin} local exec -- ${meant}`,
      ])
    }
    const {flags} = await this.parse(LocalExec, ours)
    const {allow = [], ...target} = flags
    const {environment} = await openTools(await this.configure({...target, target: 'local'}), {
      allowed: allow,
      signal: this.signal,
      starting: (work) => this.task('Start the local cloud', work),
    })
    this.releaseSignals()
    process.exitCode = await runProgram(command, environment)
  }
}
