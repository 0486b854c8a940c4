import type {ComponentChildren} from 'preact'
import {FilePage} from './file/file-page.tsx'
import {FilesPage} from './files/files-page.tsx'
import {FixDialog} from './fix/fix-dialog.tsx'
import {FixProgressList} from './fix/fix-progress.tsx'
import {Header} from './header.tsx'
import {outage} from './live.ts'
import {LogsPage} from './logs/logs-page.tsx'
import {Outage} from './outage.tsx'
import {PipelinePage} from './pipeline/pipeline-page.tsx'
import {RequestsPage} from './requests/requests-page.tsx'
import {RevisionsPage} from './revisions-page.tsx'
import {where} from './where.ts'

export function App() {
  return (
    <>
      <Header />
      <main inert={outage.value !== undefined}>
        <Page path={where.value.path} />
      </main>
      <FixProgressList />
      <FixDialog />
      {outage.value && <Outage problem={outage.value} />}
    </>
  )
}

function Page({path}: {readonly path: string}): ComponentChildren {
  const [, object] = /^\/files\/(.+)$/.exec(path) ?? []
  if (object !== undefined) return <FilePage key={object} object={decodeURIComponent(object)} />
  if (path === '/logs') return <LogsPage />
  if (path === '/requests') return <RequestsPage />
  if (path === '/revisions') return <RevisionsPage />
  if (path === '/pipeline') return <PipelinePage />
  return <FilesPage />
}
