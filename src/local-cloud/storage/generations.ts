import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import {integer} from '../state/rows.ts'

/**
 * Hands out generations: microseconds since 1970, strictly rising and never repeated, even if the clock is set back.
 * The returned function is called inside a `State.write`.
 */
export function createGenerations({state, clock}: {state: State; clock: Clock}): () => number {
  const read = state.database.prepare('SELECT value FROM storage_last_generation')
  const write = state.database.prepare('UPDATE storage_last_generation SET value = ?')
  return () => {
    const row = read.get()
    const generation = Math.max(clock.now() * 1000, (row === undefined ? 0 : integer(row, 'value')) + 1)
    write.run(generation)
    return generation
  }
}
