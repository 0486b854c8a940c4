/** A format of tables that is read by another room than the one for CSV. */
export type OtherFormat = 'json-lines' | 'parquet'

/** Thrown when a file that is read as CSV turns out to be a table in another format, told by its first bytes. */
export class InOtherFormat extends Error {
  override readonly name = 'InOtherFormat'
  readonly format: OtherFormat

  constructor(format: OtherFormat) {
    super(format)
    this.format = format
  }
}
