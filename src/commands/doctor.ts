import {ReadOnlyCommand, type ByPipeline} from '../cli/read-only.ts'
import {terraformVersion} from '../cli/targets.ts'
import {showDoctor} from '../cli/show-doctor.ts'
import type {Config} from '../core/config.ts'
import {doctor, type DoctorResult} from '../core/doctor/doctor.ts'
import {planPipelineModel} from '../core/model/plan-model.ts'

export default class Doctor extends ReadOnlyCommand {
  static override summary = 'Check prerequisites, resources and grants; show how to fix each.'
  static override description = `Changes nothing. With --target gcp, checks Terraform, credentials, project, billing, APIs, permissions and names first; then, on either target, every resource and grant of the pipeline by name. Each failed check comes with the command that fixes it. Exits with 1 if anything is missing.`
  static override examples = [
    {description: "This folder's pipeline", command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Before you create anything on Google Cloud',
      command: '<%= config.bin %> <%= command.id %> --project my-project-123',
    },
  ]

  protected override readonly isForNew = true

  override async run(): Promise<DoctorResult | ByPipeline<DoctorResult>> {
    const {flags} = await this.parse(Doctor)
    return this.lookAt(flags, (config) => this.#examine(config))
  }

  async #examine(config: Config): Promise<DoctorResult> {
    const model = await planPipelineModel(config)
    await using target = await this.open(config, {create: false})
    const result = await this.task('Examine the pipeline', (step) =>
      doctor({workerFolder: config.workerFolder, model, terraform: terraformVersion}, target.context(step)),
    )
    this.print(showDoctor(result.checks, this.render))
    if (result.failed > 0) process.exitCode = 1
    return result
  }
}
