import * as fc from 'fast-check'
import {expect, it} from 'vitest'
import {RowAppender} from '../../../worker/logistic-regression/csv/row-appender.ts'

const LABELS = [';no', ';perhaps, or a text longer than a vector', ';yes']
const row = fc.record({
  before: fc.constantFrom('', '', '\n', '\r\n\n'),
  text: fc.stringMatching(/^[a-z0-9]{1,50}$/),
  lineEnd: fc.constantFrom('\n', '\r\n', '\r', ''),
  label: fc.integer({min: 0, max: 2}),
  probabilities: fc.tuple(
    ...Array.from({length: 3}, () => fc.double({min: 1e-6, max: 1 - 1e-16, noNaN: true})),
  ),
})

interface Row {
  before: string
  text: string
  lineEnd: string
  label: number
  probabilities: readonly number[]
}

/** An appender that holds the rows, with where each ends, and what each becomes. */
function appenderOf(rows: readonly Row[], position: number) {
  const appender = new RowAppender(
    {
      labels: LABELS.map((text) => Buffer.from(text)),
      predicted: Int16Array.from(rows, ({label}) => label),
      probabilities: Float64Array.from(rows.flatMap(({probabilities}) => probabilities)),
      delimiter: ';'.charCodeAt(0),
      mark: ','.charCodeAt(0),
    },
    100,
  )
  let end = position
  const ends = Float64Array.from(rows, ({before, text, lineEnd}) => {
    end += before.length + text.length + lineEnd.length
    return end
  })
  appender.hold(0, Buffer.from(rows.map(({before, text, lineEnd}) => before + text + lineEnd).join('')))
  const written = rows.map(({text, lineEnd, label, probabilities}) => {
    const numbers = probabilities.map((p) => String(Number(p.toPrecision(6))).replace('.', ','))
    return [`${text}${LABELS[label] ?? ''}`, ...numbers].join(';') + lineEnd
  })
  return {appender, ends, written}
}

it('rows are copied with their label and probabilities before their line ends', () => {
  fc.assert(
    fc.property(
      fc.array(row, {minLength: 1, maxLength: 40}),
      fc.integer({min: 0, max: 2 ** 40}),
      (rows, position) => {
        const {appender, ends, written} = appenderOf(rows, position)
        expect(appender.append(0, ends, position, 0)).toBe(rows.length)
        expect(appender.result.toString('utf8', 0, appender.size)).toBe(written.join(''))
      },
    ),
  )
})

it('a row with a probability below 1e-6, or of 1, is left to the caller', () => {
  const plain = {before: '', text: 'a', lineEnd: '\n', label: 0, probabilities: [0.5, 0.25, 0.125]}
  for (const rare of [1e-7, 0, 1]) {
    const rows = [plain, {...plain, probabilities: [0.5, rare, 0.5]}, plain]
    const {appender, ends, written} = appenderOf(rows, 0)
    expect(appender.append(0, ends, 0, 0)).toBe(1)
    expect(appender.result.toString('utf8', 0, appender.size)).toBe(written[0])
  }
})

it('no row begins where there may be no room for it', () => {
  const rows = Array.from({length: 400}, (_, i) => ({
    before: '',
    text: String(i).padStart(900, '0'),
    lineEnd: '\n',
    label: 1,
    probabilities: [0.5, 0.25, 0.125],
  }))
  const {appender, ends, written} = appenderOf(rows, 0)
  const results: string[] = []
  for (let done = 0; done < rows.length;) {
    const appended = appender.append(ends[done - 1] ?? 0, ends.subarray(done), 0, done)
    expect(appended).toBeGreaterThan(0)
    expect(appender.size).toBeLessThanOrEqual(appender.result.length)
    results.push(appender.result.toString('utf8', 0, appender.size))
    appender.size = 0
    done += appended
  }
  expect(results.length).toBeGreaterThan(1)
  expect(results.join('')).toBe(written.join(''))
})
