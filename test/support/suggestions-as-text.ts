import {expect} from 'vitest'
import {Advice, render} from '../../src/core/suggestion.ts'

// A suggestion equals the text that it prints, so that tests state what the user reads.
expect.addEqualityTesters([
  (a: unknown, b: unknown) => {
    if (a instanceof Advice && typeof b === 'string') return render(a) === b
    if (b instanceof Advice && typeof a === 'string') return render(b) === a
    return undefined
  },
])
