import {useEffect, useState} from 'preact/hooks'
import type {Problem} from '../api.ts'
import {problemOf, request} from './client.ts'

/** Something the console was asked for; while it is asked again, the last answer stays. */
export interface Remote<T> {
  readonly value: T | undefined
  readonly problem: Problem | undefined
  readonly isLoading: boolean
}

/**
 * Reads a path of the API, and again whenever the path or `version` changes.
 * @param version of what it depends on; the answer of another path is dropped at once, that of an older version stays
 */
export function useRemote<T>(path: string, version: string): Remote<T> {
  const [state, set] = useState<{readonly path: string; readonly value?: T; readonly problem?: Problem}>({
    path,
  })
  const [isLoading, setLoading] = useState(true)
  useEffect(() => {
    const stop = new AbortController()
    setLoading(true)
    request<T>('GET', path, {signal: stop.signal})
      .then(
        (value) => set({path, value}),
        (error: unknown) => {
          if (!stop.signal.aborted) set({path, problem: problemOf(error)})
        },
      )
      .finally(() => {
        if (!stop.signal.aborted) setLoading(false)
      })
    return () => stop.abort()
  }, [path, version])
  const isCurrent = state.path === path
  return {
    value: isCurrent ? state.value : undefined,
    problem: isCurrent ? state.problem : undefined,
    isLoading: isLoading || !isCurrent,
  }
}
