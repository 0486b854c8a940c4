import {resolve} from 'node:path'
import {Args, Flags} from '@oclif/core'
import {wholeNumberFlag} from '../cli/flags.ts'
import {CloudRunnerCommand} from '../cli/base.ts'
import {outputTarget} from '../cli/output.ts'
import {usageError} from '../cli/failure.ts'
import {counted} from '../cli/format.ts'
import {progressOf} from '../cli/progress.ts'
import type {OpenTarget} from '../cli/targets.ts'
import {showManyResults, showResults} from '../cli/show-results.ts'
import {EXIT} from '../core/errors.ts'
import {readSelection} from '../core/files/select.ts'
import {saveResults, selectResults, type ManyResults} from '../core/results/many-results.ts'
import type {OutputFolder} from '../core/results/outputs.ts'
import {results, type Results as FileResults} from '../core/results/results.ts'
import {suggest, synopsis} from '../core/suggestion.ts'

export default class Results extends CloudRunnerCommand {
  static override summary = 'Show the results of files, or save them.'
  static override description = `Of several files, shows the state of each; --output saves those that are done into a folder, under their own names. Exits with 3 if a result is an error or a file is a dead letter.`
  static override examples = [
    {
      description: 'The model, its quality, and the first predictions',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv',
    },
    {
      description: 'Save the whole result',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output predictions.csv',
    },
    {
      description: 'Save every output of a worker that writes several',
      command: '<%= config.bin %> <%= command.id %> invoice.pdf --output invoices/',
    },
    {
      description: 'Save the results of a folder',
      command: "<%= config.bin %> <%= command.id %> 'reports/*' --output results/",
    },
    {
      description: 'Read the result of an earlier run',
      command: '<%= config.bin %> <%= command.id %> june.csv --run 1 --output first.csv',
    },
    {
      description: 'Pipe it into another program',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output - | head',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of an uploaded object, a folder/ or a glob',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    output: Flags.string({
      char: 'o',
      summary:
        'Where to write the result; - is standard output. Several results or outputs need a folder, such as out/.',
      helpValue: '<file>',
    }),
    run: wholeNumberFlag({
      summary: 'Number of the run, from history; one file only.',
      min: 1,
    }),
    force: Flags.boolean({summary: 'Overwrite existing files.'}),
  }

  override async run(): Promise<FileResults | ManyResults> {
    const {args, flags} = await this.parse(Results)
    const json = this.jsonEnabled()
    const folder =
      flags.output !== undefined && /[\\/]$/.test(flags.output)
        ? {folder: resolve(flags.output), force: flags.force}
        : undefined
    const objects = [...new Set([args.object].flat())]
    const [object = ''] = objects
    const output =
      flags.output === undefined
        ? undefined
        : (folder ?? outputTarget(flags.output, {force: flags.force, json}))
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    if (objects.length > 1 || (await readSelection(objects, target.context())).patterns.length > 0) {
      if (flags.run !== undefined) {
        throw usageError('--run selects a run of one file; several are named.', [
          suggest`Name that file: ${synopsis('results', 'OBJECT', '--run', String(flags.run))}`,
        ])
      }
      if (flags.output !== undefined && folder === undefined) {
        throw usageError(`Several results do not fit into one file: ${flags.output}.`, [
          'Save them in a folder: --output results/',
        ])
      }
      return this.#several(objects, folder, target)
    }
    const result = await results({object, run: flags.run, ...(output && {output})}, target.context())
    if (result.file.state !== 'done') process.exitCode = EXIT.fileFailed
    if (flags.output !== '-') this.print(showResults(result, this.render))
    else if (result.file.state !== 'done') this.explain(showResults(result, this.render))
    return result
  }

  async #several(
    objects: readonly string[],
    folder: OutputFolder | undefined,
    target: Pick<OpenTarget, 'context' | 'now'>,
  ): Promise<ManyResults> {
    const files = await selectResults(objects, target.context())
    const done = files.filter(({state}) => state === 'done').length
    const result =
      folder === undefined
        ? {files}
        : await this.task(`Save ${counted(done, 'result')}`, (step) =>
            saveResults(files, folder, target.context(progressOf(step, done).finished)),
          )
    if (files.some(({state}) => state === 'failed' || state === 'dead')) process.exitCode = EXIT.fileFailed
    this.print(showManyResults(result, folder?.folder, target.now(), this.render))
    return result
  }
}
