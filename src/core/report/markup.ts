/** Text that is markup already. Whatever else comes into {@link markup} is escaped. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Markup | readonly Part[]

/** A template for HTML and SVG: values in it are escaped, lists are joined, and markup stays what it is. */
export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(literals.map((literal, i) => literal + render(parts[i] ?? '')).join(''))
}

function render(part: Part): string {
  if (part instanceof Markup) return part.text
  if (typeof part === 'number') return String(part)
  if (typeof part === 'string') return part.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
  return part.map(render).join('')
}
