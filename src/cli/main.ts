import type {Launch} from './dispatch.ts'
import {guardStandardStreams} from './standard-streams.ts'
import {versionLine} from './version-line.ts'

/** Runs the command line, from the arguments to the exit code. */
export async function main(launch: Launch): Promise<void> {
  guardStandardStreams()
  // Users can do nothing about Node's warnings on libraries.
  if (!process.env['DEBUG']) process.removeAllListeners('warning')
  if (launch.argv[0] === '--version') {
    process.stdout.write(`${versionLine(launch.root)}\n`)
    return
  }
  // Loading oclif takes longer than all of the above.
  const {dispatch} = await import('./dispatch.ts')
  await dispatch(launch)
}
