/** What a terminal in raw mode sends for Ctrl-C. */
const CTRL_C = '\u0003'

/**
 * Calls an action at each press of its key, if there is a terminal, until it is disposed of. Ctrl-C interrupts as ever.
 * @param actions by key
 */
export function listenToKeys(actions: Readonly<Record<string, () => void>>): Disposable {
  const {stdin} = process
  if (!stdin.isTTY) return {[Symbol.dispose]() {}}
  const press = (text: string) => {
    for (const key of text) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT')
      else actions[key]?.()
    }
  }
  // Without it, a key arrives with the end of its line.
  stdin.setRawMode(true).setEncoding('utf8').on('data', press).resume()
  return {
    [Symbol.dispose]() {
      stdin.off('data', press).pause().setRawMode(false)
    },
  }
}
