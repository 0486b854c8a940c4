const SEVERITIES = [
  'DEFAULT',
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARNING',
  'ERROR',
  'CRITICAL',
  'ALERT',
  'EMERGENCY',
]
/** The levels that workers use. */
const OFFERED = ['DEBUG', 'INFO', 'WARNING', 'ERROR']

/** Position of a severity among all; -1 for none. */
export function rankOf(severity: string): number {
  return SEVERITIES.indexOf(severity)
}

export interface LogFilterProps {
  readonly object: string
  readonly severity: string
  readonly text: string
  readonly change: (changes: Readonly<Record<string, readonly string[]>>) => void
}

/** The filter of the logs, kept in the address. */
export function LogFilterForm({object, severity, text, change}: LogFilterProps) {
  const take = (name: string) => (event: Event) => {
    const {target} = event
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement)
      change({[name]: [target.value]})
  }
  return (
    <search class="filter">
      <label>
        Search
        <input type="search" data-search aria-keyshortcuts="/" value={text} onInput={take('text')} />
      </label>
      <label>
        File
        <input type="search" placeholder="all files" value={object} onChange={take('object')} />
      </label>
      <label>
        Level
        <select value={severity} onChange={take('severity')}>
          <option value="">all</option>
          {OFFERED.map((name) => (
            <option key={name} value={name}>
              {name.toLowerCase()} and above
            </option>
          ))}
        </select>
      </label>
    </search>
  )
}
