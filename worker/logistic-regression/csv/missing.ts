/** Texts for "no value" in any column, in any case: those of pandas, R, databases and spreadsheets. */
const MISSING = new Set([
  '',
  'na',
  'n/a',
  '#n/a',
  'nan',
  'nat',
  'null',
  'nil',
  '<na>',
  '\\n',
  '-',
  '--',
  '.',
  '?',
])
/** Python's word for it. In lower case it may well be a category. */
const NONE = 'None'

/** Whether a trimmed text means a missing value or label. */
export function isMissing(text: string): boolean {
  return text.length <= 4 && (MISSING.has(text.toLowerCase()) || text === NONE)
}
