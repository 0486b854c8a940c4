import {overview} from './live.ts'
import {where} from './where.ts'

const PAGES = [
  ['/files', 'Files'],
  ['/logs', 'Logs'],
  ['/requests', 'Requests'],
  ['/revisions', 'Revisions'],
  ['/pipeline', 'Pipeline'],
] as const

/** Which pipeline this is, and the way to each page. */
export function Header() {
  const pipeline = overview.value?.pipeline
  const here = where.value.path
  const isLocal = pipeline?.target === 'local'
  document.title =
    pipeline === undefined ? 'cloud-runner' : `${isLocal ? 'LOCAL ' : ''}${pipeline.name}: cloud-runner`
  return (
    <header>
      <p class="pipeline">
        <strong>{pipeline?.name ?? 'cloud-runner'}</strong>
        {pipeline && (
          <span class={`target ${pipeline.target}`}>
            {isLocal ? 'LOCAL' : `${pipeline.project}, ${pipeline.region}`}
          </span>
        )}
        {pipeline && (
          <span class={`health ${pipeline.ready ? 'good' : 'bad'}`}>
            {pipeline.ready ? 'ready' : 'not ready'}
          </span>
        )}
      </p>
      <nav aria-label="Pages">
        {PAGES.map(([path, title]) => (
          <a key={path} href={path} aria-current={isAt(path, here) ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
    </header>
  )
}

function isAt(path: string, here: string): boolean {
  return here === path || here.startsWith(`${path}/`) || (path === '/files' && here === '/')
}
