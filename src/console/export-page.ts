import {faultIn} from '../core/files/files.ts'
import {markup, type Markup} from '../report-page/markup.ts'
import {selfContained} from '../report-page/self-contained.ts'
import type {FileStory} from './api.ts'

/**
 * A file's whole story as one HTML page to send to a colleague: no scripts, no requests. Everything from the file is
 * escaped.
 * @param report its report's page, if it has one
 */
export function exportPage(story: FileStory, report: string | undefined): string {
  const {file, lines, preview} = story
  const body = markup`<header><h1>${file.object}</h1>
<p class="sub">${file.state}, uploaded ${file.uploadedAt}, ${file.sizeBytes} bytes, generation ${file.generation}</p></header>
${fault(story)}
<h2>Path</h2>${table(
    ['', 'at', 'took'],
    file.hops.map(({name, at, durationMs}) => [name, at, `${durationMs} ms`]),
  )}
<h2>Attempts</h2>${table(
    ['attempt', 'started', 'ended', 'answer', 'outcome', 'revision', 'reason'],
    story.attempts.map((one) => [
      one.byJob ? 'job' : String(one.attempt),
      one.startedAt,
      one.endedAt ?? '',
      one.answer ?? '',
      one.outcome ?? '',
      one.revision ?? '',
      one.reason?.message ?? '',
    ]),
  )}
<h2>History</h2>${table(
    ['run', 'ended', 'outcome', 'revision', 'label column', 'AUC', 'reason'],
    story.runs.map((run) => [
      String(run.number),
      run.endedAt,
      run.outcome,
      run.revision ?? run.execution ?? '',
      run.labelColumn ?? '',
      run.auc?.toFixed(3) ?? '',
      run.error?.message ?? '',
    ]),
  )}
<h2>Logs</h2>${table(
    ['time', 'level', 'message'],
    lines.map(({time, severity, message}) => [time, severity, message]),
  )}
${preview === undefined ? '' : markup`<h2>Result</h2>${table(preview.columns, preview.rows)}${preview.omitted === undefined ? '' : markup`<p>(${preview.omitted} columns more)</p>`}`}
${report === undefined ? '' : markup`<h2>Report</h2><iframe title="Report" sandbox srcdoc="${report}" style="width: 100%; height: 90vh; border: 0"></iframe>`}`
  return selfContained(`${file.object}: ${file.state}`, body)
}

function fault({file}: FileStory): Markup {
  const message = faultIn(file)
  if (message === '') return markup``
  const {suggestions = []} = file.error ?? {}
  return markup`<ul class="warnings">${[message, ...suggestions].map((text) => markup`<li>${text}</li>`)}</ul>`
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): Markup {
  if (rows.length === 0) return markup`<p class="sub">none</p>`
  const row = (cells: readonly string[]) => markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>`
  return markup`<div class="card scroll"><table><thead><tr>${columns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows.map(row)}</tbody></table></div>`
}
