import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {isDeepStrictEqual} from 'node:util'
import {expect} from 'vitest'

/** What was seen at each step, in words and figures that do not differ from run to run. */
export type Observations = Record<string, unknown>

/**
 * Compares what two servers answered to the same script with the table of their differences: no difference without a
 * row, no row without a difference.
 * @param document a file of docs/, whose table has the steps in its first column
 */
export async function expectDocumented(
  document: string,
  ours: Observations,
  theirs: Observations,
): Promise<void> {
  expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted())
  const text = await readFile(join(import.meta.dirname, '../../docs', document), 'utf8')
  const rows = [...text.matchAll(/^\| (?!step |-)(?<step>[^|]+) \|/gm)]
  const documented = new Set(rows.map(({groups}) => groups?.['step'] ?? ''))
  const differing = Object.keys(ours).filter((step) => !isDeepStrictEqual(ours[step], theirs[step]))
  expect(
    differing
      .filter((step) => !documented.has(step))
      .map((step) => ({step, ours: ours[step], theirs: theirs[step]})),
    `differences without a row in docs/${document}`,
  ).toEqual([])
  expect(
    [...documented].filter((step) => !differing.includes(step)),
    'rows without a difference',
  ).toEqual([])
}
