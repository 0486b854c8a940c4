import {createServer} from 'node:net'
import {basename} from 'node:path'
import type {Image} from '../artifact-registry/images.ts'
import {freePort} from './free-port.ts'
import {InstanceError} from './instance.ts'

/** Names the debugger to start in an instance: `inspect` of Node, `debugpy` of Python. */
const DEBUG_ANNOTATION = 'dev.cloud-runner.debug'
/** The ports that editors expect (nodejs.org/api/cli.html#--inspecthostport, aka.ms/vscode-remote-python). */
const PORTS: Readonly<Record<string, number>> = {inspect: 9229, debugpy: 5678}

/** A debugger in an instance. */
export interface Debugging {
  /** `127.0.0.1:PORT` */
  readonly address: string
  readonly kind: string
}

/** The debugger that an image requests. @throws InstanceError for an unknown one */
export async function debuggingOf({annotations}: Image): Promise<Debugging | undefined> {
  const kind = annotations[DEBUG_ANNOTATION]
  if (kind === undefined) return undefined
  const port = PORTS[kind]
  if (port === undefined)
    throw new InstanceError(
      `The image requests the debugger "${kind}"; only inspect and debugpy are supported.`,
    )
  return {kind, address: `127.0.0.1:${(await isFree(port)) ? port : await freePort()}`}
}

/** The command with its debugger: what starts it stands before the first argument of the program. */
export function debugged(
  [program, ...args]: readonly [string, ...string[]],
  debugging: Debugging | undefined,
): [string, ...string[]] {
  if (debugging === undefined) return [program, ...args]
  if (debugging.kind === 'debugpy' && basename(program).startsWith('python'))
    return [program, '-Xfrozen_modules=off', '-m', 'debugpy', '--listen', debugging.address, ...args]
  if (debugging.kind === 'inspect' && basename(program) === 'node')
    return [program, `--inspect=${debugging.address}`, ...args]
  throw new InstanceError(`The debugger ${debugging.kind} cannot start the program "${program}".`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
