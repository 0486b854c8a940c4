import {Flags} from '@oclif/core'

import {parseDuration} from '../core/pipeline/duration.ts'
import {usageError} from './failure.ts'

/** A flag such as `--timeout 5m`; its value is in milliseconds. */
export const durationFlag = Flags.custom<number>({
  helpValue: '<duration>',
  parse(text, _context, flag) {
    const ms = parseDuration(text)
    if (ms === undefined || ms === 0) {
      throw usageError(`--${flag.name} is "${text}"; it must be a duration such as 30s, 5m or 2h.`, [
        `For example: --${flag.name} 5m`,
      ])
    }
    return Promise.resolve(ms)
  },
})
