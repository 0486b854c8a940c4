import {Readable} from 'node:stream'
import {Design} from '../../worker/logistic-regression/encoding/design.ts'
import {fitPreprocessing, layOut} from '../../worker/logistic-regression/encoding/preprocessing.ts'
import {Pacer} from '../../worker/logistic-regression/pacer.ts'
import {type Objective, outputsFor} from '../../worker/logistic-regression/solver/objective.ts'
import {chooseFeatures} from '../../worker/logistic-regression/table/features.ts'
import {readTable} from '../../worker/logistic-regression/table/table.ts'

/** What is minimized for a CSV file whose rows all have a label in the column `y`. */
export async function objectiveOf(text: string): Promise<Objective> {
  const pacer = new Pacer(new AbortController().signal)
  const bytes = Buffer.from(text)
  const input = {
    bucket: 'in',
    object: 'file.csv',
    generation: '1',
    sizeBytes: bytes.length,
    contentType: undefined,
    metadata: {},
    open: async () => Readable.from([bytes]),
  }
  const table = await readTable(input, {name: 'y', chosenBy: 'object'}, pacer)
  const rows = Uint32Array.from({length: table.rows}, (_, i) => i)
  const layout = layOut(await chooseFeatures(table, {}, pacer), rows)
  return {
    design: new Design(layout, await fitPreprocessing(layout, rows, pacer), rows),
    classes: table.label.codes,
    outputs: outputsFor(table.label.classes.length),
    penalty: 1,
    ranges: [{start: 0, end: rows.length}],
  }
}
