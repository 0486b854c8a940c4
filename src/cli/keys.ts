import {readFileSync} from 'node:fs'

/** What a terminal in raw mode sends instead of the signals of Ctrl-C, Ctrl-\ and Ctrl-Z. */
const CTRL_C = '\u0003'
const CTRL_BACKSLASH = '\u001c'
const CTRL_Z = '\u001a'

/**
 * Whether the terminal is this process's to read and set: another one in the background is stopped when it tries. Always
 * true where there is no `/proc`.
 */
export function isInForeground(): boolean {
  let stat: string
  try {
    stat = readFileSync('/proc/self/stat', 'utf8')
  } catch {
    return true
  }
  // The name before the last parenthesis may have spaces.
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return group === foreground
}

/**
 * Calls an action at each press of its key, if there is a terminal, until it is disposed of. Ctrl-C, Ctrl-Z and Ctrl-\ do
 * what they always do; in the background, keys belong to others.
 * @param actions by key
 */
export function listenToKeys(actions: Readonly<Record<string, () => void>>): Disposable {
  const {stdin} = process
  if (!stdin.isTTY) return {[Symbol.dispose]() {}}
  const release = () => stdin.pause().setRawMode(false)
  const take = () => {
    // Without raw mode, a key arrives with the end of its line.
    if (isInForeground()) stdin.setRawMode(true).resume()
    else stdin.pause()
  }
  const press = (text: string) => {
    for (const key of text) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT')
      else if (key === CTRL_BACKSLASH) {
        release()
        process.kill(process.pid, 'SIGQUIT')
      } else if (key === CTRL_Z) {
        release()
        // As a terminal does: the whole group.
        process.kill(0, 'SIGTSTP')
        // Nothing stops a group without a shell, and so nothing continues it.
        setImmediate(take)
      } else actions[key]?.()
    }
  }
  stdin.setEncoding('utf8').on('data', press)
  process.on('SIGCONT', take)
  take()
  return {
    [Symbol.dispose]() {
      process.off('SIGCONT', take)
      stdin.off('data', press)
      if (isInForeground()) release()
      else stdin.pause()
    },
  }
}
