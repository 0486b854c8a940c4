import type {Problem} from '../api.ts'
import {Suggestions} from './suggestions.tsx'

/** Covers the page while the console or the cloud is away, so that nothing old is taken for the present. */
export function Outage({problem}: {readonly problem: Problem}) {
  const isRefused = problem.code === 'permission-denied'
  return (
    <section class="outage" role="alert">
      <h1>{isRefused ? 'No access' : 'Disconnected'}</h1>
      <p>{problem.message}</p>
      <Suggestions texts={problem.suggestions} />
      {!isRefused && <p class="quiet">This page reconnects by itself.</p>}
    </section>
  )
}
