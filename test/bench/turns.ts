import {writeFileSync} from 'node:fs'
import {monitorEventLoopDelay} from 'node:perf_hooks'

/**
 * Loaded into a worker before it starts: writes, as it ends, how long its event loop was held at most. `delayMs` is the
 * wall's time, in which others may have had the processor; `processorMs` is what this thread worked between two looks
 * at the clock, five milliseconds apart or more.
 */
const delays = monitorEventLoopDelay({resolution: 1})
let before = process.threadCpuUsage()
let longest = 0
setInterval(() => {
  const now = process.threadCpuUsage()
  longest = Math.max(longest, now.user + now.system - before.user - before.system)
  before = now
}, 5).unref()
// Loading the worker is not a turn: nothing waits for a worker that does not listen yet.
setTimeout(() => {
  delays.enable()
  longest = 0
}, 500).unref()

process.on('exit', () => {
  const file = process.env['TURNS_FILE']
  if (file !== undefined)
    writeFileSync(file, JSON.stringify({delayMs: delays.max / 1e6, processorMs: longest / 1000}))
})
