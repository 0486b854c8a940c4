import {expect, it} from 'vitest'
import {pubsubSchema} from '../../../src/local-cloud/pubsub/index.ts'
import {MessagePublisher} from '../../../src/local-cloud/pubsub/message-publisher.ts'
import {MessageStore} from '../../../src/local-cloud/pubsub/message-store.ts'
import {ResourceStore} from '../../../src/local-cloud/pubsub/resource-store.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const TOPIC = 'projects/p-test/topics/files'

it('has a message delivered although a full disk fails the commit after its own', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const {database} = state
  const resources = new ResourceStore(database)
  const announced: number[][] = []
  const publisher = new MessagePublisher({
    state,
    clock: systemClock,
    resources,
    messages: new MessageStore(database),
    announce: (messages) => announced.push([...messages]),
  })
  await state.write(() => resources.insertTopic({name: TOPIC}))

  let failure: unknown
  const ids = await state.write(() => {
    state
      .write(() => {
        // As SQLite does itself when the disk is full: every change of this commit fails.
        database.exec('ROLLBACK')
        throw new Error('The disk is full.')
      })
      .catch((error: unknown) => (failure = error))
    return publisher.publishInTransaction(TOPIC, [{data: 'YQ=='}])
  })
  await expect.poll(() => failure).toMatchObject({message: 'The disk is full.'})
  expect(announced).toEqual([ids.map(Number)])
})
