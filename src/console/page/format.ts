/** `14:03:05.120` of today, else with the date: in the reader's own time zone. */
export function clock(time: string): string {
  const date = new Date(time)
  const hours = date.toLocaleTimeString([], {
    hourCycle: 'h23',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  const exact = `${hours}.${String(date.getMilliseconds()).padStart(3, '0')}`
  return isToday(date) ? exact : `${date.toLocaleDateString()} ${exact}`
}

function isToday(date: Date): boolean {
  return date.toDateString() === new Date().toDateString()
}

/** `950 ms`, `2.4 s`, `3 min 12 s`, `5 h 2 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const parts: readonly (readonly [string, number])[] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ]
  const at = parts.findIndex(([, length]) => seconds >= length)
  return parts
    .slice(at, at + 2)
    .map(([unit, length], index) => {
      const inUnit = index === 0 ? seconds / length : (seconds % (parts[at]?.[1] ?? 1)) / length
      return `${Math.floor(inUnit)} ${unit}`
    })
    .join(' ')
}

/** How long ago: `2.4 s ago`. */
export function ago(time: string, now: number): string {
  return `${duration(Math.max(0, now - Date.parse(time)))} ago`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1.2 MiB`. */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? 'B'}`
}

/** `1 file`, `1,200 files`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
