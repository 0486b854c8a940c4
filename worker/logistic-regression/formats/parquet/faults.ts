import {PermanentError} from '../../../processor.ts'

/** @param where what is wrong, to follow "cannot be read:" */
export function broken(
  where: string,
  {column, cause}: {column?: string; cause?: unknown} = {},
): PermanentError {
  return new PermanentError(`The Parquet file cannot be read: ${where}.`, {
    code: 'broken-parquet',
    column,
    suggestions: [
      'Check it where it was written, for instance: python -c "import pandas; pandas.read_parquet(\'FILE\')"',
      'Then upload it again, without a content encoding.',
    ],
    cause,
  })
}
