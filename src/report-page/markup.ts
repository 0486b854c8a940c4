/** Text that is already markup. {@link markup} escapes everything else. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Markup | readonly Part[]

/** A template for HTML and SVG: values are escaped, lists joined, and markup left as it is. */
export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(literals.map((literal, i) => literal + render(parts[i] ?? '')).join(''))
}

function render(part: Part): string {
  if (part instanceof Markup) return part.text
  if (typeof part === 'number') return String(part)
  if (typeof part === 'string') {
    return printable(part).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
  }
  return part.map(render).join('')
}

/** Text without invisible and direction-changing characters; runs of white space become one space. */
export function printable(text: string): string {
  return text
    .replaceAll(/[ \t-\r\u2028\u2029]+/g, ' ')
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}
