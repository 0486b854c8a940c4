import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'
import type {TypedNumbers} from '../table/typed-column.ts'

/** A file of another format as CSV. */
export interface Transcoded {
  /** The rows as CSV, row by row in the order of the file; with its size unknown. */
  text: InputFile
  format: Dialect['format']
  /** Of the columns. */
  names: readonly string[]
  /** Whether a column is text by its type. */
  isText: (name: string) => boolean
  /** If it is known how many rows there are: and the same with numbers as such. */
  typed?: {
    readonly rows: number
    /** Indexes of the columns that are numbers by their type. */
    readonly numbers: readonly number[]
    /** The rows as CSV without these numbers, which come as such meanwhile. */
    readonly without: (columns: ReadonlySet<number>) => {text: InputFile; typed: TypedNumbers}
  }
}
