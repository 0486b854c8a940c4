import {connect} from 'node:net'
import {networkInterfaces} from 'node:os'

/** Longest wait for a connection: a firewall that drops packets never refuses one. */
const CONNECT_MS = 1000

/**
 * Checks whether a port that should answer on loopback only can be reached from other machines.
 * @returns the first address of this machine on which the port answers; `undefined` if none
 */
export async function exposedAddress(port: number): Promise<string | undefined> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    .filter(({internal, family}) => !internal && family === 'IPv4')
    .map(({address}) => address)
  const answers = await Promise.all(addresses.map((address) => accepts(address, port)))
  return addresses.find((_, index) => answers[index])
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({host, port, timeout: CONNECT_MS})
    const end = (isOpen: boolean) => (): void => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', end(true))
    socket.once('timeout', end(false))
    socket.once('error', end(false))
  })
}
