import {type Markup, markup} from '../markup.ts'

export interface Figure {
  title: string
  drawing: Markup
  /** How to read it, in a sentence or two. */
  reading: string
  /** The numbers behind the drawing. */
  columns: readonly string[]
  rows: readonly (readonly string[])[]
}

/** A chart as the page shows it: title, drawing, how to read it, and its numbers in a collapsible table. */
export function figure({title, drawing, reading, columns, rows}: Figure): Markup {
  return markup`<figure><figcaption>${title}</figcaption>${drawing}<p class="sub">${reading}</p><details><summary>Numbers</summary><div class="scroll"><table><thead><tr>${columns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows.map(
    ([first = '', ...others]) =>
      markup`<tr><th scope="row">${first}</th>${others.map((cell) => markup`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table></div></details></figure>`
}
