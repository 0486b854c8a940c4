import {setImmediate as turn} from 'node:timers/promises'
import {expect, test} from 'vitest'
import {eachOf} from '../../src/core/parallel.ts'

test('after an error nothing new starts, and it is thrown once what was in progress has ended', async () => {
  const events: string[] = []
  const all = eachOf(['fails', 'slow', 'fails later', 'never'], 3, async (item) => {
    events.push(`begin ${item}`)
    if (item === 'fails') throw new Error('first')
    for (let turns = 0; turns < 5; turns += 1) await turn()
    events.push(`end ${item}`)
    if (item === 'fails later') throw new Error('second')
  })
  await expect(all).rejects.toThrow('first')
  expect(events).toEqual(['begin fails', 'begin slow', 'begin fails later', 'end slow', 'end fails later'])
})
