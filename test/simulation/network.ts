/** How the network behaves: drawn for each piece that is sent. */
export interface Weather {
  /** Milliseconds until a piece arrives. */
  delayMs: () => number
  /** Whether a connection breaks instead of delivering a piece, for both ends. */
  breaks: () => boolean
}

/** Connections on one machine. */
export class Network {
  weather: Weather

  constructor(weather: Weather) {
    this.weather = weather
  }
}

let network: Network | undefined

export function theNetwork(): Network {
  if (network === undefined) throw new Error('Nothing is being simulated.')
  return network
}

export function connectTo(connected: Network): void {
  network = connected
}

export function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), {code})
}
