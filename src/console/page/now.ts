import {signal} from '@preact/signals'

/** Milliseconds since 1970, each second: ages on the page follow it. */
export const now = signal(Date.now())

setInterval(() => {
  now.value = Date.now()
}, 1000)
