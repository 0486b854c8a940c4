import type {Part} from '../../api.ts'
import {overview} from '../live.ts'
import {now} from '../now.ts'
import {useRemote} from '../remote.ts'
import {Problem} from '../suggestions.tsx'
import {PipelineFigures} from './figures.tsx'

const REFRESH_MS = 10_000

/** The parts of the pipeline in the order of a file's way, each with its health. */
export function PipelinePage() {
  const readAt = overview.value?.readAt ?? ''
  // The throughput changes as time passes.
  const version = `${readAt} ${Math.floor(now.value / REFRESH_MS)}`
  const {value: page, problem} = useRemote('GET /api/parts', {}, version)
  const problemText = overview.value?.pipeline.problem
  return (
    <>
      <h1>Pipeline</h1>
      {problemText !== undefined && (
        <p class="problem" role="alert">
          {problemText}
        </p>
      )}
      {problem && <Problem problem={problem} />}
      {page === undefined && problem === undefined && <p class="quiet">Reading the pipeline …</p>}
      {page && (
        <>
          <h2>The way of a file</h2>
          <Parts parts={page.parts.filter(({isAside}) => !isAside)} isWay />
          <h2>Beside it</h2>
          <Parts parts={page.parts.filter(({isAside}) => isAside)} />
          <PipelineFigures throughput={page.throughput} />
        </>
      )}
    </>
  )
}

function Parts({parts, isWay = false}: {readonly parts: readonly Part[]; readonly isWay?: boolean}) {
  return (
    <ol class={isWay ? 'parts way' : 'parts'}>
      {parts.map(({kind, name, health, detail, count}) => (
        <li key={`${kind} ${name}`} class={health}>
          <h3>{kind}</h3>
          <p class="name">{name}</p>
          <p>
            {health === 'good' ? '✓ ' : '✕ '}
            {detail}
          </p>
          {count !== undefined && <p class="count">{count}</p>}
        </li>
      ))}
    </ol>
  )
}
