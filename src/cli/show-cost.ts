import {command, suggest, type Render} from '../core/suggestion.ts'
import type {Bill, BillLine} from '../core/cost/bill.ts'
import type {ForecastRequest} from '../core/cost/forecast.ts'
import type {MeasuredCost} from '../core/cost/measured.ts'
import type {PlanResult} from '../core/plan.ts'
import type {Target} from '../core/settings/settings.ts'
import {bytes, count, counted, duration, style} from './format.ts'
import {table} from './table.ts'

/** A forecast. @param width columns of the terminal */
export function showForecast(
  bill: Bill,
  {files, per, sizeBytes}: Pick<ForecastRequest, 'files' | 'per' | 'sizeBytes'>,
  width: number,
): string[] {
  return [
    style(
      'bold',
      `Estimate for a month on Google Cloud, with ${counted(files, 'file')} of ${bytes(sizeBytes)} per ${per}: ${dollars(bill.cost)}`,
    ),
    ...showBill(bill, width),
  ]
}

/** What a pipeline has cost. @param width columns of the terminal */
export function showMeasuredCost({measured, bill}: MeasuredCost, target: Target, width: number): string[] {
  const {requests, secondsPerRequest, executions, objects, storedBytes} = measured
  const used = [
    `${count(Math.round(requests))} deliveries${secondsPerRequest === undefined ? '' : `, ${duration(secondsPerRequest * 1000)} each`}`,
    `${count(executions)} executions`,
    `${counted(objects, 'object')}, ${bytes(storedBytes)}`,
  ]
  const period = `the last ${duration(bill.days * 86_400_000)}`
  return [
    style(
      'bold',
      target === 'local'
        ? `Estimate of what ${period} would have cost on Google Cloud: ${dollars(bill.cost)}`
        : `Estimate of what ${period} cost: ${dollars(bill.cost)}`,
    ),
    `Measured: ${used.join('; ')}`,
    ...showBill(bill, width),
  ]
}

/** One line for `plan`. */
export function showMonthlyCost(
  {idle, thousandFiles, freeTier}: PlanResult['monthlyCost'],
  render: Render,
): string {
  return render(
    suggest`Estimated monthly cost on Google Cloud: ${dollars(idle)} without files, ${dollars(thousandFiles)} with 1,000 files of 5 MiB (${dollars(thousandFiles + freeTier)} before the free tier). Details: ${command('cost', '--files', '1000', '--size', '5Mi')}`,
  )
}

function showBill({lines, gross, free, cost, assumptions}: Bill, width: number): string[] {
  const rows = lines.map((line) => [
    line.item,
    `${amount(line.quantity)} ${line.unit}`,
    priceOf(line),
    dollars(line.gross),
    line.free === 0 ? '' : `-${dollars(line.free)}`,
    dollars(line.cost),
  ])
  return [
    '',
    ...table(
      [
        {heading: 'item'},
        {heading: 'quantity', right: true},
        {heading: 'price', right: true},
        {heading: 'cost', right: true},
        {heading: 'free tier', right: true},
        {heading: 'to pay', right: true},
      ],
      [...rows, ['total', '', '', dollars(gross), free === 0 ? '' : `-${dollars(free)}`, dollars(cost)]],
      width,
    ),
    '',
    'Assumptions:',
    ...assumptions.map((text) => `  ${text}`),
    ...new Set(lines.map(({item, assumption}) => `  ${item.replace(/,.*/, '')}: ${assumption}.`)),
    '',
    'An estimate, not an invoice. List prices in US dollars, from:',
    ...new Set(lines.map(({source, read}) => `  ${source}, read on ${read}`)),
  ]
}

/** Prices per unit are too small to read: `$33.6 per million vCPU-s`, `$0.023 per GiB-month`. */
function priceOf({unit, price}: BillLine): string {
  return price < 0.001
    ? `$${Number((price * 1e6).toPrecision(4))} per million ${unit}`
    : `$${Number(price.toPrecision(4))} per ${unit.replace(/months$/, 'month')}`
}

function amount(value: number): string {
  if (value < 0.001) return '<0.001'
  return value >= 100 ? count(Math.round(value)) : String(Number(value.toPrecision(2)))
}

/** `$12.34`; what is not nothing is at least `<$0.01`. */
function dollars(value: number): string {
  if (value > 0 && value < 0.005) return '<$0.01'
  return `$${value.toLocaleString('en-US', {minimumFractionDigits: 2, maximumFractionDigits: 2})}`
}
