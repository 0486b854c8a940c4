import type {Clock} from './clock.ts'

/** How many are remembered. */
const LIMIT = 100

/** A call that would have left the machine, had it not been refused. */
export interface OutsideCall {
  /** RFC 3339. */
  readonly time: string
  /** As requested: `openidconnect.googleapis.com:443`. */
  readonly host: string
  /** `CONNECT` for a tunnel, else the method of the request. */
  readonly method: string
}

/** Calls to hosts other than this machine, to show what else tools contact. */
export interface OutsideCalls {
  refused(call: {readonly host: string; readonly method: string}): void
  /** Newest first, the last hundred. */
  list(): readonly OutsideCall[]
}

export function createOutsideCalls(clock: Clock): OutsideCalls {
  let calls: readonly OutsideCall[] = []
  return {
    refused({host, method}) {
      calls = [{time: new Date(clock.now()).toISOString(), host, method}, ...calls].slice(0, LIMIT)
    },
    list: () => calls,
  }
}
