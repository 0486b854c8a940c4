import {join} from 'node:path'
import {compare, timeProcess} from './measure.ts'

/** How long the command line takes to do nothing, against a Node that does nothing. */
export async function benchCliStart(): Promise<void> {
  const cli = join(import.meta.dirname, '..', '..', 'bin', 'run.js')
  await compare('Start of the command line', 15, {
    'cloud-runner --version': () => timeProcess([cli, '--version']),
    'cloud-runner upload --help': () => timeProcess([cli, 'upload', '--help']),
    'node -e 0': () => timeProcess(['-e', '0']),
  })
}
