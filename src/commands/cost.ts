import {Flags} from '@oclif/core'

import {CloudRunnerCommand} from '../cli/base.ts'
import {command, suggest} from '../core/suggestion.ts'
import {usageError} from '../cli/failure.ts'
import {durationFlag, wholeNumberFlag} from '../cli/flags.ts'
import {widthOf} from '../cli/format.ts'
import {showForecast, showMeasuredCost} from '../cli/show-cost.ts'
import type {Bill} from '../core/cost/bill.ts'
import {forecast, PERIODS} from '../core/cost/forecast.ts'
import {measureCost, type MeasuredCost} from '../core/cost/measured.ts'
import {parseAmount} from '../core/settings/amount.ts'

const DEFAULT_SINCE_MS = 30 * 86_400_000

export default class Cost extends CloudRunnerCommand {
  static override summary = 'Estimate what the pipeline has cost, or will cost.'
  static override description = `Without --files, estimates the cost since --since from the request log, executions and buckets; on the local target, what the same work would have cost on Google. With --files, forecasts a month from the settings alone, without a pipeline or an account. Both use Google's list prices, each shown with its source and the date it was read; your invoice may differ.`
  static override examples = [
    {
      description: 'A forecast',
      command: '<%= config.bin %> <%= command.id %> --files 1000 --size 5Mi --per month',
    },
    {
      description: 'The same with a measured processing time',
      command: '<%= config.bin %> <%= command.id %> --files 1000 --size 5Mi --per day --seconds 12',
    },
    {description: 'The last 30 days', command: '<%= config.bin %> <%= command.id %> --since 30d'},
  ]
  static override flags = {
    files: wholeNumberFlag({
      summary: 'Number of files to forecast for.',
      min: 0,
    }),
    size: Flags.custom<number>({
      summary: 'Size of each file. The default is 1Mi.',
      helpValue: '<amount>',
      dependsOn: ['files'],
      parse(text) {
        const bytes = parseAmount(text)
        if (bytes !== undefined) return Promise.resolve(bytes)
        throw usageError(`--size is "${text}"; it must be an amount such as 512Ki, 5Mi or 2Gi.`, [
          'For example: --size 5Mi',
        ])
      },
    })(),
    seconds: Flags.custom<number>({
      summary: 'Processing time per file. The default is estimated from the size.',
      helpValue: '<seconds>',
      dependsOn: ['files'],
      parse(text) {
        const seconds = Number(text)
        if (text.trim() !== '' && seconds > 0 && seconds <= 604_800) return Promise.resolve(seconds)
        throw usageError(`--seconds is "${text}"; it must be a number above 0 and at most 604800 (7 days).`, [
          'For example: --seconds 1.5',
        ])
      },
    })(),
    per: Flags.option({
      summary: 'Period in which that many files arrive. The default is month.',
      options: PERIODS,
      dependsOn: ['files'],
    })(),
    since: durationFlag({summary: 'How far back to look. The default is 30d.'}),
  }

  override async run(): Promise<Bill | MeasuredCost> {
    const {flags} = await this.parse(Cost)
    const {files, size: sizeBytes = 2 ** 20, seconds, per = 'month', since = DEFAULT_SINCE_MS} = flags
    if (files !== undefined && flags.since !== undefined) {
      throw usageError('--since measures what the pipeline has cost, --files forecasts: give one of them.', [
        suggest`${command('cost', '--since', '30d')}`,
      ])
    }
    const config = await this.configure(flags)
    const width = widthOf(process.stdout)
    if (files !== undefined) {
      const bill = forecast({files, per, sizeBytes, seconds}, config.settings)
      this.print(showForecast(bill, {files, per, sizeBytes}, width))
      return bill
    }
    await using target = await this.open(config, {create: false})
    const result = await this.task('Measure', (step) =>
      measureCost(since, target.context(step), target.now()),
    )
    this.print(showMeasuredCost(result, config.settings.target, width))
    return result
  }
}
