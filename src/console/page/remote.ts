import {useEffect, useState} from 'preact/hooks'
import type {Problem} from '../api.ts'
import type {AnswerTo, Operation} from '../operations.ts'
import {ask, pathOf, problemOf, type Question} from './client.ts'

/** Something the console was asked for; while it is asked again, the last answer stays. */
export interface Remote<T> {
  readonly value: T | undefined
  readonly problem: Problem | undefined
}

/**
 * Asks the console, and again whenever the question or `version` changes.
 * @param version of what it depends on; the answer to another question is dropped at once, that of an older version stays
 */
export function useRemote<O extends Operation>(
  operation: O,
  question: Question,
  version: string,
): Remote<AnswerTo<O>> {
  const path = pathOf(operation, question)
  const [state, set] = useState<{
    readonly path: string
    readonly value?: AnswerTo<O>
    readonly problem?: Problem
  }>({path})
  useEffect(() => {
    const stop = new AbortController()
    ask(operation, {...question, signal: stop.signal}).then(
      (value) => set({path, value}),
      (error: unknown) => {
        if (!stop.signal.aborted) set({path, problem: problemOf(error)})
      },
    )
    return () => stop.abort()
  }, [path, version])
  const isCurrent = state.path === path
  return {
    value: isCurrent ? state.value : undefined,
    problem: isCurrent ? state.problem : undefined,
  }
}
