import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'

/** A file of another format as CSV. */
export interface Transcoded {
  /** The rows as CSV, row by row in the order of the file; with its size unknown. */
  text: InputFile
  format: Dialect['format']
  /** Of the columns. */
  names: readonly string[]
  /** Whether a column is text by its type. */
  isText: (name: string) => boolean
}
