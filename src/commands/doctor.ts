import {LookingCommand, type ByPipeline} from '../cli/looking.ts'
import {terraformVersion} from '../cli/open.ts'
import {showDoctor} from '../cli/show-plan.ts'
import type {Config} from '../core/config.ts'
import {doctorResult, examinePipeline, type DoctorResult} from '../core/doctor/doctor.ts'
import {checkPushTokens} from '../core/doctor/push-tokens.ts'
import {checkPrerequisites} from '../core/doctor/prerequisites.ts'
import {planPipelineModel, withModel} from '../core/model/plan-model.ts'

export default class Doctor extends LookingCommand {
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
    const result = await this.task('Examine the pipeline', async (step) => {
      const context = target.context(step)
      const isGoogle = config.settings.target === 'gcp'
      const first = isGoogle ? await checkPrerequisites(context, terraformVersion) : []
      const blocked = first.some(({name, state}) => state === 'failed' && STOPS.has(name))
      if (blocked) return doctorResult(first)
      const found = await examinePipeline(await withModel(model, context))
      return doctorResult([...first, ...found, ...(isGoogle ? await checkPushTokens(context) : [])])
    })
    this.advise(showDoctor(result.checks))
    if (result.failed > 0) process.exitCode = 1
    return result
  }
}

/** Without these, the pipeline cannot be examined. */
const STOPS: ReadonlySet<string> = new Set(['credentials', 'project', 'APIs'])
