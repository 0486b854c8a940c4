import {FixButtons} from '../fix/fix-buttons.tsx'
import {counted} from '../format.ts'
import {overview, revision, session} from '../live.ts'
import {useRemote} from '../remote.ts'
import {Problem} from '../suggestions.tsx'
import {addressOf, where} from '../where.ts'
import {FileFilterForm} from './file-filter-form.tsx'
import {FileTable} from './file-table.tsx'
import {StateTabs} from './state-tabs.tsx'
import {UploadArea} from './upload-area.tsx'

/** All files, newest first: what the address filters, page by page, as it changes. */
export function FilesPage() {
  const {query} = where.value
  const {value: page, problem} = useRemote('GET /api/files', {query}, revision.value)
  const isFiltered = query.size > 0
  return (
    <UploadArea>
      <h1>Files</h1>
      <RefusedPushes />
      <FileFilterForm revisions={page?.revisions ?? []} />
      {page && <StateTabs counts={page.counts} />}
      {problem && <Problem problem={problem} />}
      {page === undefined && problem === undefined && <p class="quiet">Reading the files …</p>}
      {page !== undefined && (
        <>
          <div class="summary">
            <p aria-live="polite">
              {counted(page.total, 'file')}
              {isFiltered ? ' match' : ''}
            </p>
            {page.total > 0 && <FixButtons />}
          </div>
          {page.total === 0 ? <NoFiles isFiltered={isFiltered} /> : <FileTable files={page.files} />}
          <Paging next={page.next} />
        </>
      )}
    </UploadArea>
  )
}

function RefusedPushes() {
  const {refusedPushes, pipeline} = overview.value ?? {}
  if (refusedPushes === undefined || pipeline === undefined) return null
  return (
    <p class="problem" role="alert">
      Service {pipeline.service} rejects deliveries ({refusedPushes}): the push account may not invoke it.
      Restore the grant: <code>{session.value?.commands.setup}</code>
    </p>
  )
}

function NoFiles({isFiltered}: {readonly isFiltered: boolean}) {
  if (isFiltered)
    return (
      <p class="empty">
        No files match. <a href="/files">Show all files</a>
      </p>
    )
  return (
    <p class="empty">
      No files yet. Drop some here, or in a shell: <code>{session.value?.commands.upload}</code>
    </p>
  )
}

function Paging({next}: {readonly next: string | undefined}) {
  const {path, query} = where.value
  const to = (after: string | undefined) => {
    const target = new URLSearchParams(query)
    target.delete('after')
    if (after !== undefined) target.set('after', after)
    return addressOf(path, target)
  }
  if (next === undefined && !query.has('after')) return null
  return (
    <nav class="paging" aria-label="Pages of the list">
      {query.has('after') && <a href={to(undefined)}>Newest</a>}
      {next !== undefined && <a href={to(next)}>Older</a>}
    </nav>
  )
}
