import {Chalk, type ColorInfo, supportsColor, supportsColorStderr} from 'chalk'

/** chalk checks the terminal and TERM, but leaves NO_COLOR (https://no-color.org) to the program. */
function chalkFor(stream: ColorInfo): InstanceType<typeof Chalk> {
  return new Chalk({level: process.env['NO_COLOR'] || !stream ? 0 : stream.level})
}

/** Colors for standard output. */
export const out = chalkFor(supportsColor)

/** Colors for standard error. */
export const err = chalkFor(supportsColorStderr)
