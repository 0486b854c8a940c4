import {readFileSync, readdirSync} from 'node:fs'

/** Megabytes that a process and all those that it started hold, now and at most; pages that they share count for each. */
export interface ProcessMemory {
  readonly nowMb: number
  readonly peakMb: number
}

/** @returns `undefined` without /proc */
export function memoryOf(pid: number | undefined): ProcessMemory | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined
  let nowMb = 0
  let peakMb = 0
  for (const one of treeOf(pid)) {
    const status = readFileSync(`/proc/${one}/status`, 'latin1')
    nowMb += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
    peakMb += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  }
  return {nowMb, peakMb}
}

/** Seconds of processor that a process and all those that it started took so far. */
export function cpuSecondsOf(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  return treeOf(pid).reduce((sum, one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'latin1')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    // In ticks, of which Linux shows a hundred a second.
    return sum + (Number(user) + Number(system)) / 100
  }, 0)
}

function treeOf(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended in the meantime.
    }
  }
  const tree = [root]
  for (const parent of tree) for (const [child, its] of parents) if (its === parent) tree.push(child)
  return tree
}
