import type {LocalCloudProcess} from '../../support/local-cloud-process.ts'

/** Somebody who works on a server that may be killed at any moment, and knows what it acknowledged. */
export interface Client {
  /** On the first server, before any kill. */
  prepare?(cloud: LocalCloudProcess): Promise<void>
  /** Done again and again until the server is gone; rejects when that is in the middle of it. */
  work(cloud: LocalCloudProcess): Promise<void>
  /** Compares a restarted server with what was acknowledged; `last` once no kill follows. */
  check(cloud: LocalCloudProcess, last: boolean): Promise<void>
  /** How much was acknowledged so far. */
  readonly acknowledged: number
}

/** A JSON call. @throws Error for any status but 2xx */
export async function call(
  cloud: LocalCloudProcess,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  const value: unknown = text === '' ? {} : JSON.parse(text)
  return record(value)
}

export const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? {...value} : {}

export const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.map(record) : []

/** A value that is written again and again, each time one higher: what a restarted server may say of it. */
export class Counter {
  #attempted = 0
  #acknowledged = 0

  /** The next value; `write` resolves once the server has acknowledged it. */
  async raise(write: (value: number) => Promise<unknown>): Promise<void> {
    this.#attempted += 1
    const value = this.#attempted
    await write(value)
    this.#acknowledged = value
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Every value from the last acknowledged one to the one whose answer never came. */
  get possible(): number[] {
    return Array.from(
      {length: this.#attempted - this.#acknowledged + 1},
      (_, more) => this.#acknowledged + more,
    )
  }

  /** What the server was found to have is what counts from now on. */
  settle(value: number): void {
    this.#acknowledged = value
    this.#attempted = value
  }
}
