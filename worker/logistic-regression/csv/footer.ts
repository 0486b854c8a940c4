const COUNT = String.raw`\d[\d., ]*(rows?|records?|lines?|zeilen|lignes|filas|entries|selected)`

/** What programs write after the last row: `(60 rows)` and its like, blanks, or Ctrl-Z. */
const FOOTERS = [
  // psql, SQL Server, MySQL, Oracle, Db2
  new RegExp(
    String.raw`^\s*\(?\s*${COUNT}( affected| selected| in set)?\.?\s*(\([^()]*\))?\s*\)?\.?\s*$`,
    'i',
  ),
  // mainframes, and COBOL
  /^\s*[*=-]*\s*(end|eof)( of (file|report|data))?\s*[*=.-]*\s*$/i,
]

/** Whether a line that is not a row is a footer. */
export function isFooter(line: string): boolean {
  return line.replaceAll('\u001a', '').trim() === '' || FOOTERS.some((footer) => footer.test(line))
}

const TOTAL =
  /^\s*((grand|overall|sub)?[ -]?totals?|sums?|(gesamt|end|zwischen)?summe|gesamt|insgesamt|totale|total général|somme|suma|soma|totaal)\s*:?\s*$/i

/** Whether a field says that its row is a total. */
export function isTotal(field: string): boolean {
  return TOTAL.test(field)
}
