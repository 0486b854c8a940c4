import {where, go} from './where.ts'

/**
 * `/` searches, `j` and `k` move through the list, Enter opens a row (it is a link), Esc leaves the search or goes back
 * to the list.
 */
export function listenToKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    if (event.key === 'Escape') leave(isTyping)
    else if (isTyping) return
    else if (event.key === '/') focusOn(document.querySelector('[data-search]'))
    else if (event.key === 'j') step(1)
    else if (event.key === 'k') step(-1)
    else return
    if (event.key !== 'Escape') event.preventDefault()
  })
}

function step(by: number): void {
  const rows = [...document.querySelectorAll('[data-row]')]
  const at = rows.findIndex((row) => row === document.activeElement)
  focusOn(rows[at === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))] ?? null)
}

function leave(isTyping: boolean): void {
  if (document.querySelector('dialog[open]') !== null) return
  if (isTyping && document.activeElement instanceof HTMLElement) document.activeElement.blur()
  else if (where.value.path.startsWith('/files/')) go('/files')
}

function focusOn(element: Element | null): void {
  if (element instanceof HTMLElement) element.focus()
}
