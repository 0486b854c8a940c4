import {useSignal} from '@preact/signals'
import {useEffect, useRef} from 'preact/hooks'
import type {FixPlan, Problem as Shown} from '../../api.ts'
import {ask, ProblemError, problemOf} from '../client.ts'
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
  const isBusy = useSignal(false)
  const chosen = {name: fix, query: new URLSearchParams(query)}
  const fail = (error: unknown) => (problem.value = problemOf(error))

  const readPlan = () => ask('GET /api/fixes/{fix}', chosen).then((value) => (plan.value = value), fail)
  useEffect(() => {
    dialog.current?.showModal()
    void readPlan()
  }, [])

  const close = () => {
    dialog.current?.close()
    asked.value = undefined
  }
  const run = () => {
    const digest = plan.value?.digest
    if (isBusy.value || digest === undefined) return
    isBusy.value = true
    const agreed = new URLSearchParams([...chosen.query, ['digest', digest]])
    ask('POST /api/fixes/{fix}', {name: fix, query: agreed})
      .then(close, async (error: unknown) => {
        fail(error)
        // Other files match by now: the user decides again.
        if (error instanceof ProblemError && error.status === 409) await readPlan()
      })
      .finally(() => (isBusy.value = false))
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
        <button
          type="button"
          class="primary"
          disabled={count === undefined || count === 0 || isBusy.value}
          onClick={run}
        >
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
