// Loaded into each Node instance before its own code (`--import`). File descriptor 3 is one end of a socket whose other
// end only the local cloud holds: when it closes, the local cloud is gone, however it ended, and so is the instance.
import {subscribe} from 'node:diagnostics_channel'
import {Socket} from 'node:net'

// A process has no cgroup of its own, so report its limit as the memory of the container.
const memoryBytes = Number(new URL(import.meta.url).searchParams.get('memory'))
if (memoryBytes > 0) process.constrainedMemory = () => memoryBytes

const lifeline = new Socket({fd: 3})
lifeline.on('close', () => process.kill(process.pid, 'SIGKILL'))
lifeline.on('error', () => undefined)
lifeline.resume()
// The user's code decides how long the process lives.
lifeline.unref()

// Reports at once that a server listens, so that the first request need not wait for a probe.
subscribe('tracing:net.server.listen:asyncEnd', () => {
  lifeline.write('l')
})
