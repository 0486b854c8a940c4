import {signal} from '@preact/signals'

/** Where the page is: all of it is in the address, so a link shows a colleague the same. */
export interface Where {
  readonly path: string
  readonly query: URLSearchParams
}

function read(): Where {
  return {path: location.pathname, query: new URLSearchParams(location.search)}
}

export const where = signal<Where>(read())

/** Moves to an address of this page. @param how `replace`: without a new step back */
export function go(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  where.value = read()
}

/** Changes parts of the query; an empty value removes its part. */
export function refine(changes: Readonly<Record<string, readonly string[]>>): void {
  const query = new URLSearchParams(where.value.query)
  for (const [name, values] of Object.entries(changes)) {
    query.delete(name)
    for (const value of values) if (value !== '') query.append(name, value)
  }
  go(addressOf(where.value.path, query), 'replace')
}

export function addressOf(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query}`
}

/** Address of a file's page. */
export function fileAddress(object: string): string {
  return `/files/${encodeURIComponent(object)}`
}

/** Follows links within the page without loading it again, and the browser's back and forward. */
export function listenToHistory(): void {
  addEventListener('popstate', () => {
    where.value = read()
  })
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey
    if (
      link === null ||
      !isPlain ||
      link.origin !== location.origin ||
      link.target !== '' ||
      link.download !== ''
    )
      return
    if (link.hash !== '') return
    event.preventDefault()
    go(link.pathname + link.search)
    scrollTo(0, 0)
  })
}
