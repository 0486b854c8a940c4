import {expect, test} from 'vitest'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

test('a change after closing is refused to its caller', async () => {
  const state = await openState({folder: await temporaryFolder(), schemas: []})
  await state[Symbol.asyncDispose]()
  await expect(state.write(() => 1)).rejects.toMatchObject({code: 'ERR_INVALID_STATE'})
})

test('a change handed in at any moment of closing is made or refused', async () => {
  for (let moments = 0; moments < 12; moments++) {
    const state = await openState({folder: await temporaryFolder(), schemas: []})
    const late = async (): Promise<unknown> => {
      await state.write(() => 1)
      for (let moment = 0; moment < moments; moment++) await Promise.resolve()
      return state.write(() => 2)
    }
    const [outcome] = await Promise.allSettled([late(), state[Symbol.asyncDispose]()])
    expect(outcome).toMatchObject(
      outcome.status === 'fulfilled' ? {value: 2} : {reason: {code: 'ERR_INVALID_STATE'}},
    )
  }
})
