import type {FileStory, FileView} from '../../api.ts'
import {CommandLine} from '../command-line.tsx'
import {AskButton} from '../fix/fix-buttons.tsx'
import {ago, bytes, clock} from '../format.ts'
import {inJob} from '../in-job.ts'
import {revision} from '../live.ts'
import {LogLines} from '../logs/log-lines.tsx'
import {now} from '../now.ts'
import {useRemote} from '../remote.ts'
import {StateMark} from '../state-mark.tsx'
import {Problem, Suggestions} from '../suggestions.tsx'
import {Figures} from './figures.tsx'
import {PreviewTable} from './preview-table.tsx'
import {RunTable} from './run-table.tsx'
import {ReportFrame} from './report-frame.tsx'
import {Waterfall} from './waterfall.tsx'

/** Everything about one file: on the left its way through the pipeline, on the right what came of it. */
export function FilePage({object}: {readonly object: string}) {
  const {value: story, problem} = useRemote('GET /api/files/{object}', {name: object}, revision.value)
  return (
    <>
      <p class="back">
        <a href="/files">Files</a>
      </p>
      <h1 class="object">{object}</h1>
      {problem && <Problem problem={problem} />}
      {story === undefined && problem === undefined && <p class="quiet">Reading the file …</p>}
      {story && <Story {...story} />}
    </>
  )
}

function Story(story: FileStory) {
  const {file, lines, runs, preview, model, reportPath, exportPath, commands} = story
  return (
    <>
      <Facts file={file} />
      <Fault file={file} redrive={commands.redrive} />
      <Fixes file={file} exportPath={exportPath} />
      <div class="panes">
        <div>
          <Waterfall story={story} />
          <section>
            <h2>Logs</h2>
            <LogLines lines={lines} hasObjects={false} label={`Log lines about ${file.object}`} />
            <CommandLine line={commands.logs} />
          </section>
        </div>
        <div>
          {model && <Figures model={model} />}
          <RunTable runs={runs} command={commands.history} />
          {preview && <PreviewTable preview={preview} command={commands.results} />}
        </div>
      </div>
      {reportPath !== undefined && <ReportFrame path={reportPath} command={commands.report} />}
    </>
  )
}

function Facts({file}: {readonly file: FileView}) {
  const {state, sizeBytes, uploadedAt, generation, attempts, job, input} = file
  return (
    <p class="facts">
      <StateMark state={state} />
      <span>
        attempt {attempts}
        {job && (state === 'running' ? `, ${inJob(job, now.value)}` : `, in job execution ${job.execution}`)}
      </span>
      <span>{bytes(sizeBytes)}</span>
      <time dateTime={uploadedAt} title={new Date(uploadedAt).toLocaleString()}>
        uploaded {ago(uploadedAt, now.value)}
      </time>
      <span>generation {generation}</span>
      {input !== undefined && <span>input {input}</span>}
    </p>
  )
}

function Fault({
  file: {state, attempts, error, lastError, retry},
  redrive,
}: {
  readonly file: FileView
  readonly redrive: string
}) {
  if (error !== undefined)
    return (
      <div class="problem">
        <p>
          {error.message}
          {error.line === undefined ? '' : ` (line ${error.line})`}
        </p>
        <Suggestions texts={error.suggestions} />
      </div>
    )
  if (lastError === undefined) return null
  return (
    <div class="problem">
      <p>
        {state === 'waiting' && attempts === 0 ? 'Sent again; before' : 'The last attempt'}:{' '}
        {lastError.message}
        {lastError.place === undefined ? '' : ` (${lastError.place})`}
      </p>
      {state === 'dead' && (
        <>
          <p>No attempt is left. Fix the cause, then send the file back to the worker:</p>
          <CommandLine line={redrive} />
        </>
      )}
      {retry && (
        <p>
          Attempt {retry.attempt} of {retry.of} follows by itself, {clock(retry.notBefore)} at the earliest.
        </p>
      )}
    </div>
  )
}

function Fixes({
  file: {object, state, input},
  exportPath,
}: {
  readonly file: FileView
  readonly exportPath: string
}) {
  const query = new URLSearchParams({object}).toString()
  const isOpen = state === 'waiting' || state === 'running'
  return (
    <div class="actions">
      <AskButton fix="reprocess" query={query} isDisabled={input === 'deleted'} />
      <AskButton fix="redrive" query={query} isDisabled={state !== 'dead'} />
      <AskButton fix="cancel" query={query} isDisabled={!isOpen} />
      <a class="button" href={exportPath} download={`${object.replaceAll('/', '_')}.html`}>
        Export as HTML
      </a>
    </div>
  )
}
