import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {confirmFlag} from '../cli/flags.ts'
import {hopTable} from '../cli/show-files.ts'
import {showLogLine} from '../cli/show-logs.ts'
import {showPreview, showQuality} from '../cli/show-results.ts'
import {command, suggest, synopsis} from '../core/suggestion.ts'
import {demo, type Demo as DemoOutcome, type DemoStage} from '../core/demo.ts'

const TITLES: Readonly<Record<DemoStage, string>> = {
  setup: 'Create the pipeline',
  upload: 'Upload a synthetic financial_statements.csv',
  wait: 'Wait for its predictions',
}

const NEXT = [
  command('results', 'financial_statements.csv', '--output', 'predictions.csv'),
  command('status'),
  command('logs', '--tail'),
  synopsis('upload', 'YOUR.csv', '--label-column', 'COLUMN', '--wait'),
  command('destroy'),
]

/** Under `npx`, or `npm run demo` in a clone, there is no cloud-runner on the path. */
const isRunByNpm = (event: string | undefined): boolean => event === 'npx' || event === 'demo'

export default class Demo extends CloudRunnerCommand {
  static override summary = 'Send a sample file through a pipeline on this machine.'
  static override description = `Creates the pipeline if there is none, uploads a synthetic sample, waits for its result, and shows the file's path hop by hop, the model's quality, the first predictions and the log lines. You can run it again.`
  static override examples = [
    {description: 'Try it, with nothing but Node installed', command: '<%= config.bin %> <%= command.id %>'},
  ]

  static override flags = {
    confirm: confirmFlag,
    yes: Flags.boolean({
      summary: 'Do not ask before replacing a different worker with the built-in one.',
    }),
  }

  protected override readonly isForNew = true

  override async run(): Promise<DemoOutcome> {
    const {flags} = await this.parse(Demo)
    const config = await this.configure({...flags, target: flags.target ?? 'local'})
    await this.agreeToChange(config, flags.confirm)
    await using target = await this.open(config, {create: true})
    await this.agreeTo({workerFolder: undefined}, flags, target)
    const outcome = await demo({stage: (stage, work) => this.task(TITLES[stage], work)}, target.context())
    if (outcome.exitCode !== 0) process.exitCode = outcome.exitCode
    const {file, report, preview} = outcome.results
    const npx = isRunByNpm(process.env['npm_lifecycle_event']) ? 'npx ' : ''
    this.print([
      `The path of ${file.object}:`,
      ...hopTable(file.hops),
      ...(report ? ['', 'The model, on rows it had not seen:', ...showQuality(report)] : []),
      ...(preview ? ['', 'The first predictions:', ...showPreview(preview)] : []),
      '',
      "The file's log lines:",
      ...outcome.lines.map((line) => showLogLine(line, {withObject: false})),
      '',
      'Try next:',
      ...NEXT.map((typed) => this.render(suggest`  ${npx}${typed}`)),
    ])
    return outcome
  }
}
