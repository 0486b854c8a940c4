// Loaded into each Node instance before its own code (`--import`). File descriptor 3 is one end of a socket whose other
// end only the local cloud holds: when it closes, the local cloud is gone, however it ended, and so is the instance.
import {subscribe} from 'node:diagnostics_channel'
import {Socket} from 'node:net'

// A process has no cgroup of its own: what asks how much memory the container has is answered by its limit.
const memoryBytes = Number(new URL(import.meta.url).searchParams.get('memory'))
if (memoryBytes > 0) process.constrainedMemory = () => memoryBytes

const lifeline = new Socket({fd: 3})
lifeline.on('close', () => process.kill(process.pid, 'SIGKILL'))
lifeline.on('error', () => undefined)
lifeline.resume()
// The user's own code decides how long the process lives.
lifeline.unref()

// Tells at once when a server listens, so that the first request need not wait for a probe.
subscribe('tracing:net.server.listen:asyncEnd', () => {
  lifeline.write('l')
})
