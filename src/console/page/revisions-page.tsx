import {useSignal} from '@preact/signals'
import type {Problem as Shown, RevisionPage} from '../api.ts'
import {ask, problemOf} from './client.ts'
import {CommandLine} from './command-line.tsx'
import {ago} from './format.ts'
import {overview, revision as version} from './live.ts'
import {now} from './now.ts'
import {useRemote} from './remote.ts'
import {Problem} from './suggestions.tsx'

/** What was deployed, who gets the traffic, and the way back. */
export function RevisionsPage() {
  const traffic = JSON.stringify(overview.value?.pipeline.traffic)
  const {value: page, problem} = useRemote('GET /api/revisions', {}, `${version.value} ${traffic}`)
  return (
    <>
      <h1>Revisions</h1>
      {problem && <Problem problem={problem} />}
      {page === undefined && problem === undefined && <p class="quiet">Reading the revisions …</p>}
      {page && (
        <ol class="revisions">
          {page.revisions.map((revision) => (
            <Revision key={revision.name} revision={revision} command={page.commands[revision.name] ?? ''} />
          ))}
        </ol>
      )}
    </>
  )
}

type Listed = RevisionPage['revisions'][number]

function Revision({revision, command}: {readonly revision: Listed; readonly command: string}) {
  const {name, image, createdAt, percent, ready, problem, tags, isTried} = revision
  return (
    <li>
      <h2>{name}</h2>
      <div class="traffic">
        <meter min={0} max={100} value={percent} aria-label={`Traffic of ${name}`} />
        <b>{percent} %</b>
      </div>
      <p class="facts">
        <span>{ready ? '✓ ready' : '✕ not ready'}</span>
        <time dateTime={createdAt}>deployed {ago(createdAt, now.value)}</time>
        {isTried && <span>never had all the traffic</span>}
        {tags.map((tag) => (
          <span key={tag.name}>tag {tag.name}</span>
        ))}
      </p>
      <p class="image">
        <code>{image}</code>
      </p>
      {problem !== undefined && <p class="problem">{problem}</p>}
      {ready && percent < 100 && <Route name={name} command={command} isPromotion={percent > 0} />}
    </li>
  )
}

/** Gives a revision all traffic, once the user has confirmed it. */
function Route({
  name,
  command,
  isPromotion,
}: {
  readonly name: string
  readonly command: string
  readonly isPromotion: boolean
}) {
  const isAsked = useSignal(false)
  const isBusy = useSignal(false)
  const problem = useSignal<Shown | undefined>(undefined)
  const route = () => {
    isBusy.value = true
    ask('POST /api/traffic/{revision}', {name})
      .then(
        () => (isAsked.value = false),
        (error: unknown) => (problem.value = problemOf(error)),
      )
      .finally(() => (isBusy.value = false))
  }
  const verb = isPromotion ? 'Promote' : 'Roll back to it'
  return (
    <>
      {problem.value && <Problem problem={problem.value} />}
      {isAsked.value ? (
        <div class="question" role="group" aria-label={verb}>
          <p>{name} will get all traffic. The same in a shell:</p>
          <CommandLine line={command} />
          <div class="actions">
            <button type="button" onClick={() => (isAsked.value = false)}>
              Back
            </button>
            <button type="button" class="primary" disabled={isBusy.value} onClick={route}>
              Send it all traffic
            </button>
          </div>
        </div>
      ) : (
        <button type="button" onClick={() => (isAsked.value = true)}>
          {verb} …
        </button>
      )}
    </>
  )
}
