import {Writable} from 'node:stream'

/** Takes everything and keeps nothing. */
export function discard(): Writable {
  return new Writable({
    highWaterMark: 1024 * 1024,
    write(_chunk, _encoding, done) {
      done()
    },
  })
}
