import type {Counts, FileState} from '../../api.ts'
import {StateMark, STATES} from '../state-mark.tsx'
import {refine, where} from '../where.ts'

/** How many files are in each state; each is a switch of the filter. */
export function StateTabs({counts}: {readonly counts: Counts}) {
  const chosen = where.value.query.getAll('state')
  const toggle = (state: FileState) => {
    const without = chosen.filter((one) => one !== state)
    refine({state: without.length < chosen.length ? without : [...chosen, state], after: []})
  }
  return (
    <div class="states" role="group" aria-label="States">
      {STATES.map((state) => (
        <button
          key={state}
          type="button"
          aria-pressed={chosen.includes(state)}
          disabled={counts[state] === 0 && !chosen.includes(state)}
          onClick={() => toggle(state)}
        >
          <StateMark state={state} /> <b>{counts[state].toLocaleString('en')}</b>
        </button>
      ))}
    </div>
  )
}
