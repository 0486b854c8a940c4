import {expect, it} from 'vitest'
import {pubsubSchema} from '../../../src/local-cloud/pubsub/index.ts'
import {MessageStore} from '../../../src/local-cloud/pubsub/message-store.ts'
import {ResourceStore} from '../../../src/local-cloud/pubsub/resource-store.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const TOPIC = 'projects/p-test/topics/files'

it.each([
  {title: 'drops', retain: false},
  {title: 'keeps for a seek', retain: true},
])('$title the messages that are acknowledged at once, and no others between them', async ({retain}) => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const resources = new ResourceStore(state.database)
  const messages = new MessageStore(state.database)
  const leftOf = (key: number): number[] => messages.backlog(key).map(({message}) => message)
  await state.write(() => {
    resources.insertTopic({name: TOPIC})
    const {key} = resources.topic(TOPIC)
    const [one, other] = [
      resources.insertSubscription(key, subscription('one')),
      resources.insertSubscription(key, subscription('other')),
    ]
    for (let count = 0; count < 7; count++)
      messages.insert(key, {data: 'YQ=='}, {publishTime: 1, keepUntil: 0, subscriptions: [one, other]})
    messages.acknowledge(one, [7, 2, 1, 5, 2], {retain, now: 2})
    expect(leftOf(one)).toEqual([3, 4, 6])
    expect(leftOf(other)).toEqual([1, 2, 3, 4, 5, 6, 7])
    messages.acknowledge(other, [1, 2, 3, 4], {retain: false, now: 2})
    const ids = [1, 2, 3, 4, 5, 6, 7]
    expect(ids.filter((id) => messages.stored(id))).toEqual(retain ? ids : [3, 4, 5, 6, 7])
    messages.seek(one, 0, {topic: undefined, retain, wants: () => true})
    expect(leftOf(one)).toEqual(retain ? ids : [3, 4, 6])
  })
})

it('removes what nothing keeps any more in changes of limited size', async () => {
  await using state = await openState({folder: await temporaryFolder(), schemas: [pubsubSchema]})
  const resources = new ResourceStore(state.database)
  const messages = new MessageStore(state.database)
  const sizes: number[] = []
  await state.write(() => {
    resources.insertTopic({name: TOPIC})
    const {key} = resources.topic(TOPIC)
    const backlog = resources.insertSubscription(key, subscription('sub'))
    for (let count = 0; count < 5000; count++)
      messages.insert(key, {data: 'YQ=='}, {publishTime: 1, keepUntil: 0, subscriptions: [backlog]})
    messages.clear(backlog)
  })
  const count = state.database.prepare('SELECT count(*) AS count FROM pubsub_messages')
  const left = (): number => Number(count.get()?.['count'])
  let last: number | undefined = 0
  while (last !== undefined) {
    const [before, after]: [number, number] = [left(), last]
    last = await state.write(() => messages.sweep(2, after))
    sizes.push(before - left())
  }
  expect(sizes).toEqual([2000, 2000, 1000])
})

function subscription(id: string): {name: string; topic: string} {
  return {name: `projects/p-test/subscriptions/${id}`, topic: TOPIC}
}
