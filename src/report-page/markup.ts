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
  if (typeof part === 'string') {
    return printable(part).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
  }
  return part.map(render).join('')
}

/** Without what is not to be seen, or turns the text around it; line ends, and white space in a row, are one space. */
export function printable(text: string): string {
  return text
    .replaceAll(/[ \t-\r\u2028\u2029]+/g, ' ')
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}
