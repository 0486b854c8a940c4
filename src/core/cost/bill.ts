import {parseAmount} from '../settings/amount.ts'
import type {Settings} from '../settings/settings.ts'
import {HOURS_A_MONTH, pricesFor, type Price} from './prices.ts'

export const DAYS_A_MONTH = HOURS_A_MONTH / 24
const GIB = 2 ** 30

/** How much of something there is, and why that much. */
export interface Amount {
  readonly amount: number
  /** One line, for people. */
  readonly because: string
}

/** What a pipeline uses in a period. Seconds are those of instances, whatever their size. */
export interface Usage {
  /** Length of the period. */
  readonly days: number
  /** While requests run; with `cpuAlwaysAllocated` for as long as instances exist. */
  readonly serviceSeconds: Amount
  /** Of `minInstances`, while they wait for files; 0 with `cpuAlwaysAllocated`. */
  readonly idleSeconds: Amount
  readonly jobSeconds: Amount
  readonly requests: Amount
  /** Bytes at rest, on average over the period. */
  readonly storedBytes: Amount
  /** Class A operations. */
  readonly writes: Amount
  /** Class B operations. */
  readonly reads: Amount
  /** Bytes read from buckets. */
  readonly readBytes: Amount
  /** Bytes published and delivered. */
  readonly messageBytes: Amount
  readonly imageBytes: Amount
  readonly logBytes: Amount
}

/** One line of the bill. */
export interface BillLine {
  readonly item: string
  readonly quantity: number
  readonly unit: Price['unit']
  /** Dollars per unit. */
  readonly price: number
  /** Dollars, before the free tier. */
  readonly gross: number
  /** Dollars that the free tier takes off. */
  readonly free: number
  /** Dollars that are left. */
  readonly cost: number
  /** What the quantity rests on. */
  readonly assumption: string
  /** Page of the price, and the day it was read, `YYYY-MM-DD`. */
  readonly source: string
  readonly read: string
}

/** An estimate, never an invoice. */
export interface Bill {
  readonly currency: 'USD'
  readonly days: number
  readonly lines: readonly BillLine[]
  readonly gross: number
  readonly free: number
  readonly cost: number
  /** What holds for the whole bill. */
  readonly assumptions: readonly string[]
}

/** What usage costs on Google Cloud under a pipeline's settings, whatever its target. */
export function billFor(usage: Usage, settings: Settings): Bill {
  const prices = pricesFor(settings)
  const share = usage.days / DAYS_A_MONTH
  const cpus = Number(settings.cpu)
  const memoryGib = (parseAmount(settings.memory) ?? 0) / GIB
  const lines: BillLine[] = []

  function add(item: string, quantity: number, price: Price, assumption: string): void {
    if (quantity === 0) return
    const gross = quantity * price.usd
    const free = Math.min(gross, price.freeUsd * share)
    const {unit, usd, source, read} = price
    lines.push({item, quantity, unit, price: usd, gross, free, cost: gross - free, assumption, source, read})
  }

  /** Amounts that share one free tier. */
  function compute(name: string, parts: readonly Amount[], cpu: Price, memory: Price): void {
    const seconds = parts.reduce((sum, {amount}) => sum + amount, 0)
    const because = parts.flatMap((part) => (part.amount === 0 ? [] : [part.because])).join('; ')
    add(`${name}, CPU`, seconds * cpus, cpu, because)
    add(`${name}, memory`, seconds * memoryGib, memory, because)
  }

  const {serviceSeconds, idleSeconds, jobSeconds} = usage
  if (settings.cpuAlwaysAllocated) {
    compute('Cloud Run', [serviceSeconds, jobSeconds], prices.instanceCpu, prices.instanceMemory)
  } else {
    compute('Cloud Run service', [serviceSeconds], prices.requestCpu, prices.requestMemory)
    compute('Cloud Run minInstances', [idleSeconds], prices.idleCpu, prices.idleMemory)
    compute('Cloud Run job', [jobSeconds], prices.instanceCpu, prices.instanceMemory)
    add('Cloud Run requests', usage.requests.amount, prices.requests, usage.requests.because)
  }
  const stored = (usage.storedBytes.amount / GIB) * share
  add(`Cloud Storage, ${settings.storageClass}`, stored, prices.atRest, usage.storedBytes.because)
  add('Cloud Storage writes', usage.writes.amount, prices.writes, usage.writes.because)
  add('Cloud Storage reads', usage.reads.amount, prices.reads, usage.reads.because)
  if (prices.retrieval.usd > 0)
    add('Cloud Storage retrieval', usage.readBytes.amount / GIB, prices.retrieval, usage.readBytes.because)
  add('Pub/Sub', usage.messageBytes.amount / GIB, prices.messages, usage.messageBytes.because)
  add('Artifact Registry', (usage.imageBytes.amount / GIB) * share, prices.images, usage.imageBytes.because)
  add('Cloud Logging', usage.logBytes.amount / GIB, prices.logs, usage.logBytes.because)

  const sum = (part: 'gross' | 'free' | 'cost') => lines.reduce((total, line) => total + line[part], 0)
  return {
    currency: 'USD',
    days: usage.days,
    lines,
    gross: sum('gross'),
    free: sum('free'),
    cost: sum('cost'),
    assumptions: [
      `Cloud Run at the prices of ${prices.tier} (${settings.region}); storage at those of ${prices.storageOf}.`,
      'Nothing else in the billing account uses the free tier, which Google counts per month and account.',
      'No traffic leaves the region; taxes, discounts, keys, networks and builds are not included.',
    ],
  }
}
