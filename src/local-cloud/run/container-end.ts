import {constants} from 'node:os'
import type {Exit} from '../instances/instance.ts'

const MIB = 2 ** 20
const RAISE =
  'Consider increasing the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits'

/**
 * How a container ended, in the wording of Cloud Run's system log (cloud.google.com/run/docs/troubleshooting), with the
 * memory that it used, if known.
 */
export function describeEnd({code, signal, outOfMemory, memory}: Exit): string {
  const ended =
    code === null
      ? `Container terminated on signal ${signalNumber(signal)}`
      : `Container called exit(${code})`
  const used = memory.peakBytes === undefined ? undefined : Math.ceil(memory.peakBytes / MIB)
  const limit = Math.round(memory.limitBytes / MIB)
  const ofLimit = used === undefined ? '' : ` with ${used} of ${limit} MiB used`
  if (!outOfMemory) return code === 0 ? `${ended}.` : `${ended}${ofLimit}.`
  const isAbort = signal === 'SIGABRT' || code === 134
  return isAbort
    ? `${ended}: JavaScript heap out of memory${ofLimit}. ${RAISE}`
    : `Memory limit of ${limit} MiB exceeded${used === undefined ? '' : ` with ${used} MiB used`}. ${RAISE}`
}

/** 0 for none. */
export function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal]
}
