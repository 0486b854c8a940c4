import {setImmediate as nextTurn} from 'node:timers/promises'
import {expect, it} from 'vitest'
import {pubsubSchema} from '../../../src/local-cloud/pubsub/index.ts'
import {MessagePublisher} from '../../../src/local-cloud/pubsub/message-publisher.ts'
import {MessageStore} from '../../../src/local-cloud/pubsub/message-store.ts'
import type {NewMessage} from '../../../src/local-cloud/pubsub/publishing.ts'
import {ResourceStore} from '../../../src/local-cloud/pubsub/resource-store.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import type {State} from '../../../src/local-cloud/state/state.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const TOPIC = 'projects/p-test/topics/files'

/** A publisher to the topic, and the ids that it has announced. */
async function publisherTo(state: State) {
  const {database} = state
  const resources = new ResourceStore(database)
  const announced: number[][] = []
  const publisher = new MessagePublisher({
    state,
    clock: systemClock,
    resources,
    messages: new MessageStore(database),
    announce: (messages) =>
      announced.push(messages.map((each) => (typeof each === 'number' ? each : each.entry.message))),
  })
  await state.write(() => resources.insertTopic({name: TOPIC}))
  return {publisher, announced}
}

/** As SQLite does itself when the disk is full: every change of the commit fails. */
function failCommit(state: State): Promise<unknown> {
  const failed = state.write(() => {
    state.database.exec('ROLLBACK')
    throw new Error('The disk is full.')
  })
  return failed.catch((error: unknown) => error)
}

it('has a message delivered although a full disk fails the commit after its own', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const {publisher, announced} = await publisherTo(state)
  let failure: Promise<unknown> | undefined
  const ids = await state.write(() => {
    failure = failCommit(state)
    return publisher.publishInTransaction(TOPIC, [{data: 'YQ=='}])
  })
  expect(await failure).toMatchObject({message: 'The disk is full.'})
  await nextTurn()
  expect(announced).toEqual([ids.map(Number)])
})

it('never announces a message whose commit failed', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const {publisher, announced} = await publisherTo(state)
  const lost = [
    publisher.publish(TOPIC, [{data: 'YQ=='}, {data: 'Yg=='}]),
    publisher.publish(TOPIC, [{data: 'YQ=='}]),
  ]
  const outcomes = Promise.allSettled(lost)
  await failCommit(state)
  expect(await outcomes).toMatchObject(lost.map(() => ({reason: {message: 'The disk is full.'}})))
  const ids = await publisher.publish(TOPIC, [{data: 'Yw=='}])
  expect(announced).toEqual([ids.map(Number)])
})

it('stores what is published together in one change, in order, except what it refuses', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  let changes = 0
  const counted: State = {
    ...state,
    write(change, options) {
      changes += 1
      return state.write(change, options)
    },
  }
  const {publisher, announced} = await publisherTo(counted)
  changes = 0
  const [first, refused, second] = await Promise.allSettled([
    publisher.publish(TOPIC, [{data: 'YQ=='}, {data: 'Yg=='}]),
    publisher.publish('projects/p-test/topics/none', [{data: 'Yw=='}]),
    publisher.publish(TOPIC, [{data: 'ZA=='}]),
  ])
  expect(first).toEqual({status: 'fulfilled', value: ['1', '2']})
  expect(refused).toMatchObject({status: 'rejected', reason: {status: 'NOT_FOUND'}})
  expect(second).toEqual({status: 'fulfilled', value: ['3']})
  expect(announced).toEqual([[1, 2, 3]])
  expect(changes).toBe(1)
})

it('announces a message that gets the id of one that was undone in the same commit', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const {publisher, announced} = await publisherTo(state)
  const broken: NewMessage = {
    get data(): string {
      throw new Error('broken')
    },
  }
  const lost = Promise.allSettled([
    publisher.publish(TOPIC, [{data: 'YQ=='}]),
    publisher.publish(TOPIC, [broken]),
  ])
  const ids = await state.write(() => publisher.publishInTransaction(TOPIC, [{data: 'Yg=='}]))
  expect(await lost).toMatchObject([{reason: {message: 'broken'}}, {reason: {message: 'broken'}}])
  // Settles after the commit that announces it.
  await state.write(() => undefined)
  expect(ids).toEqual(['1'])
  expect(announced).toEqual([[1]])
})

it('takes publishes again after a commit that could not begin', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const {publisher, announced} = await publisherTo(state)
  const lost = publisher.publish(TOPIC, [{data: 'YQ=='}])
  state.database.exec('BEGIN')
  await expect(lost).rejects.toThrow('transaction')
  expect(await publisher.publish(TOPIC, [{data: 'Yg=='}])).toEqual(['1'])
  expect(announced).toEqual([[1]])
})

it('never reads the text of a message that was undone for the one that gets its id', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const resources = new ResourceStore(state.database)
  const messages = new MessageStore(state.database)
  await state.write(() => resources.insertTopic({name: TOPIC}))
  const topic = resources.findTopic(TOPIC)?.key ?? 0
  const name = 'projects/p-test/subscriptions/files'
  const subscription = await state.write(() => resources.insertSubscription(topic, {name, topic: TOPIC}))
  const insert = (data: string, subscriptions: number[]): number =>
    messages.insert(topic, {data}, {publishTime: 1, keepUntil: 2, subscriptions}).entry.message
  let undone = 0
  await expect(
    state.write(() => {
      undone = insert('YQ==', [subscription])
      throw new Error('undone')
    }),
  ).rejects.toThrow('undone')
  const kept = await state.write(() => insert('Yg==', []))
  expect(kept).toBe(undone)
  expect(messages.load(kept)).toMatchObject({data: 'Yg=='})
})
