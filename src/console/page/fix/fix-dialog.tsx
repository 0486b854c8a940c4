import {useSignal} from '@preact/signals'
import {useEffect, useRef} from 'preact/hooks'
import type {FixPlan, Problem as Shown} from '../../api.ts'
import {problemOf, request} from '../client.ts'
import {CommandLine} from '../command-line.tsx'
import {counted} from '../format.ts'
import {Problem} from '../suggestions.tsx'
import {asked, FIX_WORDS, type Asked} from './asked.ts'

/** Shows what a fix would do (the dry run), and does it once the user agrees. */
export function FixDialog() {
  const {value} = asked
  return value === undefined ? null : <Question key={`${value.fix} ${value.query}`} {...value} />
}

function Question({fix, query}: Asked) {
  const dialog = useRef<HTMLDialogElement>(null)
  const plan = useSignal<FixPlan | undefined>(undefined)
  const problem = useSignal<Shown | undefined>(undefined)
  const path = `/api/fixes/${fix}?${query}`

  useEffect(() => {
    dialog.current?.showModal()
    request<FixPlan>('POST', `${path}${query === '' ? '' : '&'}dry-run`).then(
      (value) => (plan.value = value),
      (error: unknown) => (problem.value = problemOf(error)),
    )
  }, [])

  const close = () => {
    dialog.current?.close()
    asked.value = undefined
  }
  const run = () => {
    request('POST', path).then(close, (error: unknown) => (problem.value = problemOf(error)))
  }
  const {verb, consequence} = FIX_WORDS[fix]
  const count = plan.value?.count
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="question">
      <h2 id="question">{verb}</h2>
      {problem.value && <Problem problem={problem.value} />}
      {plan.value && <PlanText plan={plan.value} consequence={consequence} />}
      <div class="actions">
        <button type="button" onClick={close}>
          Back
        </button>
        <button type="button" class="primary" disabled={count === undefined || count === 0} onClick={run}>
          {verb}
          {count === undefined ? '' : ` ${counted(count, 'file')}`}
        </button>
      </div>
    </dialog>
  )
}

function PlanText({plan, consequence}: {readonly plan: FixPlan; readonly consequence: string}) {
  const {count, objects, command} = plan
  if (count === 0) return <p>None of these files can be changed this way.</p>
  return (
    <>
      <p>
        {counted(count, 'file')} {consequence}:
      </p>
      <ul class="names">
        {objects.map((object) => (
          <li key={object}>{object}</li>
        ))}
        {count > objects.length && <li>and {(count - objects.length).toLocaleString('en')} more</li>}
      </ul>
      {command !== undefined && (
        <>
          <p class="quiet">The same in a shell:</p>
          <CommandLine line={command} />
        </>
      )}
    </>
  )
}
