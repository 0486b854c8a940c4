import {readFile} from 'node:fs/promises'
import {isDeepStrictEqual} from 'node:util'
import {expect, it} from 'vitest'
import {NO_EMULATOR, startPubsubEmulator} from '../support/pubsub-emulator.ts'
import {startTools} from '../support/tool.ts'
import {observe} from './pubsub-script.ts'

const DOCUMENT = new URL('../../docs/pubsub-emulator.md', import.meta.url)

it.skipIf(NO_EMULATOR !== undefined)(
  `Google's Pub/Sub emulator and the local cloud answer the same but for what is documented${NO_EMULATOR ?? ''}`,
  {timeout: 60_000},
  async () => {
    const {local} = await startTools()
    const [ours, theirs] = await Promise.all([
      observe(local.endpoint),
      startPubsubEmulator().then((emulator) => observe(emulator)),
    ])
    expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted())
    expect(Object.keys(ours).length).toBeGreaterThan(35)

    const rows = [...(await readFile(DOCUMENT, 'utf8')).matchAll(/^\| (?!step |-)(?<step>[^|]+) \|/gm)]
    const documented = new Set(rows.map(({groups}) => groups?.['step'] ?? ''))
    const differing = Object.keys(ours).filter((step) => !isDeepStrictEqual(ours[step], theirs[step]))
    const unexplained = differing.filter((step) => !documented.has(step))
    expect(
      unexplained.map((step) => ({step, ours: ours[step], theirs: theirs[step]})),
      'differences without a row in docs/pubsub-emulator.md',
    ).toEqual([])
    expect(
      [...documented].filter((step) => !differing.includes(step)),
      'rows without a difference',
    ).toEqual([])
  },
)
