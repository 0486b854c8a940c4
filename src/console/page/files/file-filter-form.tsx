import {refine, where} from '../where.ts'

const AGES: readonly (readonly [string, number])[] = [
  ['last hour', 3600],
  ['last day', 86_400],
  ['last week', 604_800],
]

/** The filter of the list, kept in the address. */
export function FileFilterForm({revisions}: {readonly revisions: readonly string[]}) {
  const {query} = where.value
  const change = (name: string) => (event: Event) => {
    if (event.target instanceof HTMLInputElement) refine({[name]: [event.target.value], after: []})
  }
  return (
    <search class="filter">
      <label>
        Search
        <input
          type="search"
          data-search
          placeholder="name or error"
          aria-keyshortcuts="/"
          value={query.get('text') ?? ''}
          onInput={change('text')}
        />
      </label>
      <label>
        Name begins with
        <input
          type="search"
          placeholder="reports/"
          value={query.get('prefix') ?? ''}
          onInput={change('prefix')}
        />
      </label>
      <Revision revision={query.get('revision') ?? ''} revisions={revisions} />
      <Age since={query.get('since') ?? ''} />
    </search>
  )
}

function Age({since}: {readonly since: string}) {
  const change = (event: Event) => {
    if (!(event.target instanceof HTMLSelectElement)) return
    const seconds = Number(event.target.value)
    if (seconds > 0) refine({since: [new Date(Date.now() - seconds * 1000).toISOString()], after: []})
    else if (event.target.value === '') refine({since: [], after: []})
  }
  return (
    <label>
      Uploaded
      <select value={since === '' ? '' : 'since'} onChange={change}>
        <option value="">at any time</option>
        {since !== '' && <option value="since">since {new Date(since).toLocaleString()}</option>}
        {AGES.map(([title, seconds]) => (
          <option key={title} value={seconds}>
            in the {title}
          </option>
        ))}
      </select>
    </label>
  )
}

function Revision({revision, revisions}: {readonly revision: string; readonly revisions: readonly string[]}) {
  const change = (event: Event) => {
    if (event.target instanceof HTMLSelectElement) refine({revision: [event.target.value], after: []})
  }
  const offered = revision === '' || revisions.includes(revision) ? revisions : [revision, ...revisions]
  return (
    <label>
      Revision
      <select value={revision} onChange={change}>
        <option value="">any</option>
        {offered.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
