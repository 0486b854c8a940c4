import type {FileStory} from '../../api.ts'
import {clock, duration} from '../format.ts'
import {now} from '../now.ts'
import {runsOf, type Run, type Stretch} from './runs.ts'

/** Narrowest bar, in percent: what took no time at all is still there. */
const NARROWEST = 0.6

/** The way of a file, run by run: when it waited and when a worker had it, each attempt with its own bar. */
export function Waterfall({story}: {readonly story: FileStory}) {
  const isOpen = story.file.state === 'waiting' || story.file.state === 'running'
  const runs = runsOf(story, isOpen ? now.value : 0)
  return (
    <section>
      <h2>Path</h2>
      {runs.map((run, index) => (
        <RunBars key={run.from} run={run} isOpen={isOpen && index === 0} />
      ))}
    </section>
  )
}

function RunBars({run, isOpen}: {readonly run: Run; readonly isOpen: boolean}) {
  const title =
    run.number === undefined ? (isOpen ? 'Not ended yet' : 'No completed run') : `Run ${run.number}`
  return (
    <div class="run">
      <h3>
        {title}, {clock(new Date(run.from).toISOString())}, {duration(run.to - run.from)} in all
      </h3>
      <ol>
        {run.stretches.map((stretch) => (
          <Bar key={`${stretch.kind} ${stretch.from}`} stretch={stretch} run={run} />
        ))}
      </ol>
    </div>
  )
}

function Bar({stretch, run}: {readonly stretch: Stretch; readonly run: Run}) {
  const {kind, from, to, isOpen, attempt} = stretch
  const whole = Math.max(1, run.to - run.from)
  const width = Math.max(NARROWEST, (100 * (to - from)) / whole)
  const left = Math.min(100 - width, (100 * (from - run.from)) / whole)
  const isBad = attempt?.answer === 'nack' || attempt?.reason !== undefined
  return (
    <li>
      <span class="stretch">
        {kind === 'waiting' ? 'waiting' : attempt?.byJob ? 'job' : `attempt ${attempt?.attempt ?? 1}`}
        <small>
          {duration(to - from)}
          {isOpen ? ' so far' : ''}
        </small>
      </span>
      <span class="track" aria-hidden="true">
        <span
          class={`bar ${kind}${isBad ? ' bad' : ''}${isOpen ? ' open' : ''}`}
          style={{left: `${left}%`, width: `${width}%`}}
        />
      </span>
      {attempt && <Answer attempt={attempt} />}
    </li>
  )
}

function Answer({attempt}: {readonly attempt: NonNullable<Stretch['attempt']>}) {
  const {answer, status, outcome, reason, revision, byJob} = attempt
  const parts = [
    answer === undefined ? undefined : answer === 'ack' ? 'acknowledged' : 'refused, delivered again',
    status === undefined ? undefined : `HTTP ${status}`,
    byJob && outcome === 'refused' ? 'failed' : outcome,
    revision,
  ].filter((part) => part !== undefined)
  return (
    <span class="answer">
      {parts.join(', ')}
      {reason && (
        <span class="fault">
          {reason.message}
          {reason.place === undefined ? '' : ` (${reason.place})`}
        </span>
      )}
    </span>
  )
}
