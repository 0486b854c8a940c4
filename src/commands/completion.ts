import {Args} from '@oclif/core'
import {CloudRunnerCommand} from '../cli/base.ts'
import {SCRIPTS, SHELLS, type Shell} from '../cli/completion/scripts.ts'

interface Completion {
  readonly shell: Shell
  readonly script: string
}

export default class PrintCompletion extends CloudRunnerCommand {
  static override summary = 'Print a script that completes commands, flags and names at Tab.'
  static override description = `Completes names of pipelines, environments, objects and revisions too, if the local cloud runs or the pipeline is on Google Cloud.`
  static override isAboutPipeline = false
  static override examples = [
    {description: 'bash: in ~/.bashrc', command: 'source <(<%= config.bin %> <%= command.id %> bash)'},
    {description: 'zsh: in ~/.zshrc', command: 'source <(<%= config.bin %> <%= command.id %> zsh)'},
    {
      description: 'fish',
      command: '<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/<%= config.bin %>.fish',
    },
  ]
  static override args = {
    shell: Args.option({options: SHELLS})({description: 'your shell', required: true, ignoreStdin: true}),
  }

  override async run(): Promise<Completion> {
    const {args} = await this.parse(PrintCompletion)
    const script = SCRIPTS[args.shell]
    if (!this.jsonEnabled()) process.stdout.write(script)
    return {shell: args.shell, script}
  }
}
