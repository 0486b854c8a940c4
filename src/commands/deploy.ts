import {CloudRunnerCommand} from '../cli/base.ts'
import {showDeploy} from '../cli/show-pipeline.ts'
import {deploy, type DeployResult} from '../core/deploy/deploy.ts'

export default class Deploy extends CloudRunnerCommand {
  static override summary = 'Build the worker as it is now, and move the traffic to it when it is ready.'
  static override description = `Files that are in work are finished by the revision that has them. Where the new revision does not become ready, the old one keeps the traffic and the command fails.`
  static override examples = [
    {description: 'After a change to the worker', command: '<%= config.bin %> <%= command.id %>'},
    {description: 'For a script', command: '<%= config.bin %> <%= command.id %> --json'},
  ]

  override async run(): Promise<DeployResult> {
    const {flags} = await this.parse(Deploy)
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const result = await this.task('Deploy the worker', (step) =>
      deploy({workerFolder: config.workerFolder}, target.context(step)),
    )
    this.print(showDeploy(result))
    return result
  }
}
