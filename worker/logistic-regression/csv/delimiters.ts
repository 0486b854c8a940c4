export type Delimiter = ',' | ';' | '\t' | '|'

export const DELIMITERS: readonly Delimiter[] = [',', ';', '\t', '|']

/** Their names in messages. */
export const DELIMITER_NAMES: Readonly<Record<Delimiter, string>> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'vertical bar',
}
