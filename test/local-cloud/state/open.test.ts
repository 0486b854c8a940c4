import {expect, test} from 'vitest'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

test('a change after closing is refused to its caller', async () => {
  const state = await openState({folder: await temporaryFolder(), schemas: []})
  await state[Symbol.asyncDispose]()
  await expect(state.write(() => 1)).rejects.toMatchObject({code: 'ERR_INVALID_STATE'})
})
