import {expect, it} from 'vitest'
import {showQuality} from '../../src/cli/show-results.ts'
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
