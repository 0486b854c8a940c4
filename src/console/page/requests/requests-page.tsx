import {useEffect, useState} from 'preact/hooks'
import type {CloudRequest, Problem as Shown, RequestPage} from '../../api.ts'
import {ask, problemOf} from '../client.ts'
import {CommandLine} from '../command-line.tsx'
import {epoch} from '../live.ts'
import {Problem} from '../suggestions.tsx'
import {refine, where} from '../where.ts'
import {RequestTable} from './request-table.tsx'

/** Requests that the page keeps, the newest. */
const MOST_KEPT = 500
const POLL_MS = 1000

/** Calls of the local cloud's APIs as they come: who, what, and which grant a refused one lacked. */
export function RequestsPage() {
  const {query} = where.value
  const [show, text] = [query.get('show') ?? '', query.get('text') ?? '']
  const {page, requests, problem} = useRequests(show, text)
  const change = (name: string) => (event: Event) => {
    const {target} = event
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement)
      refine({[name]: [target.value]})
  }
  return (
    <>
      <h1>Requests</h1>
      {page?.reason !== undefined && <p class="empty">{page.reason}</p>}
      {page !== undefined && page.reason === undefined && (
        <search class="filter">
          <label>
            Search
            <input
              type="search"
              data-search
              aria-keyshortcuts="/"
              placeholder="caller, path, permission or resource"
              value={text}
              onInput={change('text')}
            />
          </label>
          <label>
            Show
            <select value={show} onChange={change('show')}>
              <option value="">all requests</option>
              <option value="accounts">those of service accounts</option>
              <option value="denied">those that lacked a grant</option>
            </select>
          </label>
        </search>
      )}
      {problem && <Problem problem={problem} />}
      {page === undefined && problem === undefined && <p class="quiet">Reading the requests …</p>}
      {page !== undefined && page.reason === undefined && (
        <>
          {requests.length === 0 ? (
            <p class="empty">No requests match.</p>
          ) : (
            <RequestTable requests={requests} />
          )}
          <CommandLine line={page.command} />
        </>
      )}
    </>
  )
}

/** Reads requests, and again and again those that came since. */
function useRequests(show: string, text: string) {
  const [page, setPage] = useState<RequestPage | undefined>(undefined)
  const [requests, setRequests] = useState<readonly CloudRequest[]>([])
  const [problem, setProblem] = useState<Shown | undefined>(undefined)
  useEffect(() => {
    const stop = new AbortController()
    let last = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    setRequests([])
    async function read(): Promise<void> {
      const asked = Object.entries({show, text, after: String(last)}).filter(([, value]) => value !== '')
      try {
        const query = new URLSearchParams(asked)
        const next = await ask('GET /api/requests', {query, signal: stop.signal})
        last = next.last
        setPage(next)
        setProblem(undefined)
        if (next.requests.length > 0)
          setRequests((known) => [...next.requests.toReversed(), ...known].slice(0, MOST_KEPT))
        if (next.reason !== undefined) return
      } catch (error) {
        if (!stop.signal.aborted) setProblem(problemOf(error))
      }
      if (!stop.signal.aborted) timer = setTimeout(() => void read(), POLL_MS)
    }
    void read()
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [show, text, epoch.value])
  return {page, requests, problem}
}
