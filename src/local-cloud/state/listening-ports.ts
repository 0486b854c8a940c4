import {randomInt} from 'node:crypto'
import {codeOf} from '../system-error.ts'
import type {Schema, State} from './state.ts'

export const portsSchema: Schema = {
  name: 'ports',
  migrations: ['CREATE TABLE ports (name TEXT PRIMARY KEY, port INTEGER NOT NULL UNIQUE) STRICT'],
}

/** Below the range that systems take outgoing ports from (Linux: from 32768), so a stopped cloud finds its port free. */
const FIRST_PORT = 20_000
const LAST_PORT = 29_999
const TRIES = 50

/** A port that was chosen before is taken by another program now. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError'
  readonly port: number
  /** What `local start` needs to take another one. */
  readonly flag: string

  constructor(port: number, {purpose, flag}: {purpose: string; flag: string}) {
    super(`Port ${port} (${purpose}) is in use by another program.`)
    this.port = port
    this.flag = flag
  }
}

/**
 * Listens on a port that was chosen.
 * @param use what it is for, in words, and the flag of `local start` that moves it, for the error
 * @throws PortTakenError if it is taken
 */
export async function listenOn<T>(
  port: number,
  use: {readonly purpose: string; readonly flag: string},
  listen: (port: number) => Promise<T>,
): Promise<T> {
  try {
    return await listen(port)
  } catch (error) {
    throw isInUse(error) ? new PortTakenError(port, use) : error
  }
}

/** Ports that are chosen once and stay the same over restarts. */
export interface Ports {
  /**
   * Listens on the port kept under `name`; the first time on a free one, which is kept.
   * @param purpose what it is for, in words, for the error
   * @param listen rejects with EADDRINUSE if the port is taken
   * @throws PortTakenError if the kept port is taken
   */
  claim<T>(name: string, purpose: string, listen: (port: number) => Promise<T>): Promise<T>
  /** Keeps `port` under `name` from now on, whatever was kept; inside a `State.write`. */
  assign(name: string, port: number): void
  /** Forgets a port; inside a `State.write`. */
  release(name: string): void
}

export function createPorts(state: State): Ports {
  const select = state.database.prepare('SELECT port FROM ports WHERE name = ?')
  const insert = state.database.prepare('INSERT INTO ports (name, port) VALUES (?, ?)')
  const taken = state.database.prepare('SELECT 1 FROM ports WHERE port = ?')
  const remove = state.database.prepare('DELETE FROM ports WHERE name = ?')
  return {
    async claim(name, purpose, listen) {
      const kept = select.get(name)?.['port']
      if (typeof kept === 'number') return listenOn(kept, {purpose, flag: '--port PORT'}, listen)
      for (let attempt = 1; ; attempt++) {
        const port = randomInt(FIRST_PORT, LAST_PORT + 1)
        if (taken.get(port)) continue
        try {
          const listener = await listen(port)
          await state.write(() => insert.run(name, port))
          return listener
        } catch (error) {
          if (!isInUse(error) || attempt === TRIES) throw error
        }
      }
    },
    assign(name, port) {
      remove.run(name)
      insert.run(name, port)
    },
    release(name) {
      remove.run(name)
    },
  }
}

function isInUse(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'EADDRINUSE' || code === 'EACCES'
}
