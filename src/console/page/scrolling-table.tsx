import type {ComponentChildren} from 'preact'

interface Scrolling {
  /** What it lists, for those who do not see it. */
  readonly label: string
  readonly class?: string
  readonly children: ComponentChildren
}

/** A table that may be wider than its place: it scrolls by keyboard too. */
export function ScrollingTable({label, class: kind, children}: Scrolling) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class={kind}>{children}</table>
    </div>
  )
}
