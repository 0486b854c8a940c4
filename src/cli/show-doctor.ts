import type {Check} from '../core/doctor/check.ts'
import type {Render} from '../core/suggestion.ts'
import {counted, style} from './format.ts'
import {pairs} from './table.ts'

/** What `doctor` found: each failed check with the command that fixes it. */
export function showDoctor(checks: readonly Check[], render: Render): string[] {
  const failed = checks.filter(({state}) => state === 'failed')
  const good = checks.filter(({state}) => state === 'ok')
  return [
    ...pairs(good.map(({name, detail}) => ({label: `${style('green', 'ok')}  ${name}`, value: detail}))),
    ...failed.flatMap(({name, detail, fix}) => [
      `${style('red', 'failed')}  ${name}: ${detail}`,
      ...(fix === undefined ? [] : [`    ${render(fix)}`]),
    ]),
    failed.length === 0
      ? `All ${counted(checks.length, 'check')} passed.`
      : `${counted(failed.length, 'check')} of ${checks.length} failed.`,
  ]
}
