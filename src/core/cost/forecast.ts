import {parseAmount} from '../settings/amount.ts'
import type {Settings} from '../settings/settings.ts'
import {billFor, DAYS_A_MONTH, type Amount, type Bill} from './bill.ts'
import {
  billedSeconds,
  billedTaskSeconds,
  elsewhere,
  IDLE_SECONDS,
  IMAGES,
  keptLonger,
  PER_FILE,
} from './per-file.ts'

const MONTH_SECONDS = DAYS_A_MONTH * 86_400
/** Pace of a worker that has not been measured. */
const ASSUMED = {startSeconds: 1, bytesPerSecond: 16 * 2 ** 20}
/** Seconds in which a delivery hands a long file over to the job. */
const HAND_OVER_SECONDS = 1

export const PERIODS = ['day', 'week', 'month'] as const
export type Period = (typeof PERIODS)[number]

const PERIODS_A_MONTH: Readonly<Record<Period, number>> = {
  day: DAYS_A_MONTH,
  week: DAYS_A_MONTH / 7,
  month: 1,
}

export interface ForecastRequest {
  /** Files that arrive in each period. */
  readonly files: number
  readonly per: Period
  /** Of one file. */
  readonly sizeBytes: number
  /** That one file takes; `undefined`: assumed from its size. */
  readonly seconds?: number | undefined
}

/** What a month of a pipeline that does not exist yet will cost on Google Cloud. Needs neither network nor account. */
export function forecast({files, per, sizeBytes, seconds: given}: ForecastRequest, settings: Settings): Bill {
  const monthly = files * PERIODS_A_MONTH[per]
  const seconds = given ?? ASSUMED.startSeconds + sizeBytes / ASSUMED.bytesPerSecond
  const pace =
    given === undefined
      ? `${seconds.toFixed(1)} s per file, estimated from its size (--seconds sets it; cost without --files measures it)`
      : `${seconds} s per file, as given`
  const isLong =
    sizeBytes >= (parseAmount(settings.jobThreshold) ?? Infinity) || seconds > settings.requestTimeout
  const busy = monthly * billedSeconds(isLong ? HAND_OVER_SECONDS : seconds)
  const sharing = settings.concurrency > 1 ? ', never two at once in an instance: less if they overlap' : ''
  const served: Amount = {
    amount: busy,
    because: isLong ? `${HAND_OVER_SECONDS} s per file to hand it to the job` : `${pace}${sharing}`,
  }
  const {minInstances} = settings
  const tasks = settings.worker === undefined ? settings.jobTasks : 1
  // Files that arrive evenly keep instances alive between them.
  const alive = Math.min(busy + monthly * IDLE_SECONDS, Math.max(busy, MONTH_SECONDS))
  return billFor(
    {
      days: DAYS_A_MONTH,
      serviceSeconds: settings.cpuAlwaysAllocated
        ? {
            amount: Math.max(alive, minInstances * MONTH_SECONDS),
            because: `instances billed while they exist: ${served.because}, then up to 15 min without a file; at least ${minInstances} all month`,
          }
        : served,
      idleSeconds: settings.cpuAlwaysAllocated
        ? {amount: 0, because: ''}
        : {
            amount: Math.max(0, minInstances * MONTH_SECONDS - busy),
            because: `${minInstances} idle all month, minus the time they process files`,
          },
      jobSeconds: isLong
        ? {
            amount: monthly * tasks * billedTaskSeconds(seconds),
            because: `${tasks === 1 ? 'an execution' : `an execution of up to ${tasks} tasks`} per file: ${pace}`,
          }
        : {amount: 0, because: ''},
      requests: {amount: monthly, because: 'one delivery per file'},
      storedBytes: storedBytes(monthly * sizeBytes, settings),
      writes: writes(monthly, settings),
      reads: {amount: monthly * PER_FILE.reads, because: `${PER_FILE.reads} per file`},
      readBytes: {amount: monthly * sizeBytes, because: 'each file is read once'},
      messageBytes: {
        amount: monthly * 2 * PER_FILE.messageBytes,
        because: `${PER_FILE.messageBytes} bytes per file, published and delivered once`,
      },
      imageBytes: IMAGES,
      logBytes: {amount: monthly * PER_FILE.logBytes, because: '6 KiB per file'},
    },
    settings,
  )
}

/** At the end of the first month, as results are as large as files; only of buckets that the pipeline creates. */
function storedBytes(monthlyBytes: number, settings: Settings): Amount {
  const {inputBucket, outputBucket, inputLifecycleDays = DAYS_A_MONTH} = settings
  const inputs = inputBucket === undefined ? Math.min(1, inputLifecycleDays / DAYS_A_MONTH) : 0
  const outputs = outputBucket === undefined ? 1 : 0
  const growth =
    settings.inputLifecycleDays === undefined
      ? 'files and results of one month; each further month adds as much, since nothing deletes them'
      : `files of ${settings.inputLifecycleDays} days and results of one month; each further month adds results`
  return {
    amount: monthlyBytes * (inputs + outputs),
    because: `${growth}; a result as large as its file; ${keptLonger(settings)}${elsewhere(settings)}`,
  }
}

function writes(monthly: number, {worker}: Settings): Amount {
  return worker === undefined
    ? {amount: monthly * 4, because: '4 per file: the upload, the result, its report and model'}
    : {amount: monthly * 2, because: '2 per file: the upload and the result'}
}
