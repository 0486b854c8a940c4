import type {FileState} from '../api.ts'

/** A shape for each state, so that it does not depend on colours. */
const SHAPES: Readonly<Record<FileState, string>> = {
  waiting: '◌',
  running: '▶',
  done: '✓',
  failed: '✕',
  dead: '■',
  ignored: '–',
}

export const STATES: readonly FileState[] = ['failed', 'dead', 'running', 'waiting', 'done', 'ignored']

export function StateMark({state}: {readonly state: FileState}) {
  return (
    <span class={`state ${state}`}>
      <span aria-hidden="true">{SHAPES[state]}</span> {state}
    </span>
  )
}
