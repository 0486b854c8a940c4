import {resolve} from 'node:path'

import {Args, Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {usageError} from '../cli/failure.ts'
import {showResults} from '../cli/show-results.ts'
import {EXIT} from '../core/errors.ts'
import {results, type Results as FileResults} from '../core/results/results.ts'

export default class Results extends CloudRunnerCommand {
  static override summary = 'Show the result of a file, or save it.'
  static override description = `Exits with 3 if the result is an error or the file is a dead letter.`
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
      description: 'Pipe it into another program',
      command: '<%= config.bin %> <%= command.id %> financial_statements.csv --output - | head',
    },
  ]
  static override args = {
    object: Args.string({
      description: 'name of the uploaded object',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    output: Flags.string({
      char: 'o',
      summary: 'Where to write the result; - is standard output.',
      helpValue: '<file>',
    }),
    force: Flags.boolean({summary: 'Overwrite an existing file.'}),
  }

  override async run(): Promise<FileResults> {
    const {args, flags} = await this.parse(Results)
    if (flags.output === '-' && this.jsonEnabled()) {
      throw usageError('--output - and --json would both write to standard output.', [
        'Leave out one of them.',
      ])
    }
    const config = await this.configure(flags)
    await using target = await this.open(config, {create: false})
    const output = destination(flags.output, flags.force)
    const result = await results({object: args.object, ...(output && {output})}, target.context())
    if (result.file.state !== 'done') process.exitCode = EXIT.fileFailed
    if (flags.output !== '-') this.print(showResults(result))
    else if (result.file.state !== 'done') this.explain(showResults(result))
    return result
  }
}

function destination(output: string | undefined, force: boolean) {
  if (output === undefined) return undefined
  return output === '-' ? {stream: process.stdout} : {file: resolve(output), force}
}
