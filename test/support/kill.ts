/** SIGKILL to a process that must be known: id 0 would mean the whole group, this one included. */
export function killProcess(pid: unknown): void {
  if (typeof pid !== 'number' || pid <= 1) throw new Error(`There is no process to kill: ${String(pid)}`)
  process.kill(pid, 'SIGKILL')
}
