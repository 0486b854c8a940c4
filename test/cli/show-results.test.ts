import {expect, it} from 'vitest'
import {showPreview, showQuality} from '../../src/cli/show-results.ts'
import {processFile} from '../support/process-file.ts'

it('shows what was predicted of rows without a label, and no figure that needs one', async () => {
  const rows = Array.from({length: 60}, (_, i) => `${i % 7},${i % 7 > 2 ? 'yes' : 'no'}`)
  const {model} = await processFile(`x,y\n${rows.join('\n')}\n`)
  const {report} = await processFile('x,note\n0,a\n1,b\n6,a\n', {
    metadata: {model: 'gs://models/m.json'},
    objects: {'gs://models/m.json': JSON.stringify(model)},
  })
  const [, label, predicted, strongest] = showQuality(report)
  expect([label, predicted]).toEqual(['label      y', 'predicted  no 2, yes 1'])
  expect(strongest).toMatch(/^strongest/)
})

it.each([
  [2, 'a b y prediction probability_0 probability_1', 'a y prediction probability_0 probability_1'],
  [12, 'a b y prediction p0 p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11', 'a y prediction p0 p1'],
  [0, 'a b c d e f g', 'a d e f g'],
])('previews the prediction of %i classes', (_classes, columns, shown) => {
  const [heading] = showPreview({columns: columns.split(' '), rows: [[]]})
  expect(heading?.trim().split(/\s+/)).toEqual(shown.split(' '))
})
