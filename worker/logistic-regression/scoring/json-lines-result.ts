import type {InputFile, Output} from '../../processor.ts'
import {linesOf} from '../formats/json-lines.ts'
import type {Pacer} from '../pacer.ts'
import type {Predictions} from '../training/model.ts'
import {MOST_PROBABILITY_BYTES, writeProbability} from './probability.ts'

/**
 * Writes each line's object unchanged, with the predictions as its last keys; blank lines are dropped.
 * @param names of the prediction, then of the probability of each class
 * @param classes as values of the prediction
 */
export async function appendToLines(
  input: InputFile,
  names: readonly string[],
  classes: readonly (string | number | boolean)[],
  {labels, probabilities}: Predictions,
  output: Pick<Output, 'write'>,
  pacer: Pacer,
): Promise<void> {
  const [prediction, ...ofClasses] = names.map((name) => `${JSON.stringify(name)}:`)
  const values = classes.map((name) => JSON.stringify(name))
  const digits = Buffer.alloc(MOST_PROBABILITY_BYTES)
  let row = 0
  for await (const lines of linesOf(input)) {
    let text = ''
    for (const line of lines) {
      const keys = line.text.slice(0, -1).trimEnd()
      text += `${keys}${keys === '{' ? '' : ','}${prediction}${values[labels[row] ?? 0]}`
      for (const [k, name] of ofClasses.entries()) {
        const end = writeProbability(probabilities[row * classes.length + k] ?? 0, digits, 0)
        text += `,${name}${digits.toString('latin1', 0, end)}`
      }
      text += '}\n'
      row++
    }
    await output.write(text)
    if (pacer.due) await pacer.pause()
  }
  if (row < labels.length) throw new Error('The file ended earlier than on the first read.')
}
