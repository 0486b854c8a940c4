import {expect, it} from 'vitest'
import {expectDocumented} from '../support/documented-differences.ts'
import {NO_EMULATOR, startPubsubEmulator} from '../support/pubsub-emulator.ts'
import {startTools} from '../support/tool.ts'
import {observe} from './pubsub-script.ts'

it.skipIf(NO_EMULATOR !== undefined)(
  `Google's Pub/Sub emulator and the local cloud answer the same but for what is documented${NO_EMULATOR ?? ''}`,
  {timeout: 60_000},
  async () => {
    const {local} = await startTools()
    await using emulator = await startPubsubEmulator()
    const [ours, theirs] = await Promise.all([observe(local.endpoint), observe(emulator.origin)])
    expect(Object.keys(ours).length).toBeGreaterThan(35)
    await expectDocumented('pubsub-emulator.md', ours, theirs)
  },
)
