import {signal} from '@preact/signals'
import type {FixProgress} from '../../api.ts'
import {counted} from '../format.ts'
import {fixes} from '../live.ts'
import {Suggestions} from '../suggestions.tsx'
import {FIX_WORDS} from './asked.ts'

/** More than the console keeps. */
const MOST_DISMISSED = 100
const DISMISSED = 'cloud-runner-dismissed-fixes'

/** Ids of ended fixes that the user has seen, in this tab. */
const dismissed = signal<readonly string[]>((sessionStorage.getItem(DISMISSED) ?? '').split(' '))

/** The fixes in progress, and those that ended until they are dismissed. */
export function FixProgressList() {
  return (
    <section class="fixes" aria-label="Changes" role="status">
      {fixes.value
        .filter(({id}) => !dismissed.value.includes(id))
        .map((progress) => (
          <Progress key={progress.id} {...progress} />
        ))}
    </section>
  )
}

function Progress({id, fix, done, total, state, problem}: FixProgress) {
  const {verb} = FIX_WORDS[fix]
  const dismiss = () => {
    dismissed.value = [...dismissed.value, id].slice(-MOST_DISMISSED)
    sessionStorage.setItem(DISMISSED, dismissed.value.join(' '))
  }
  return (
    <div class={`fix ${state}`}>
      <p>
        {verb}: {state === 'running' ? `${done} of ${counted(total, 'file')}` : ENDINGS[state](done)}
      </p>
      {state === 'running' && <progress aria-label={verb} value={done} max={total} />}
      {problem && <p>{problem.message}</p>}
      {problem && <Suggestions texts={problem.suggestions} />}
      {state !== 'running' && (
        <button type="button" class="small" onClick={dismiss}>
          Dismiss
        </button>
      )}
    </div>
  )
}

const ENDINGS: Readonly<Record<'done' | 'failed', (done: number) => string>> = {
  done: (done) => `${counted(done, 'file')} done.`,
  failed: (done) => `stopped after ${counted(done, 'file')}.`,
}
