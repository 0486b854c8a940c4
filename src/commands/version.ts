import {CloudRunnerCommand} from '../cli/base.ts'
import {versionLine} from '../cli/version-line.ts'

interface Version {
  readonly version: string
  /** As Node names it: `linux-x64`. */
  readonly platform: string
  readonly node: string
}

export default class PrintVersion extends CloudRunnerCommand {
  static override summary = 'Print the version, as --version does.'
  static override isAboutPipeline = false
  static override examples = [
    {description: 'The version alone, for a script', command: '<%= config.bin %> <%= command.id %> --json'},
  ]

  override async run(): Promise<Version> {
    await this.parse(PrintVersion)
    this.print([versionLine(this.config.root)])
    return {
      version: this.config.version,
      platform: `${process.platform}-${process.arch}`,
      node: process.versions.node,
    }
  }
}
