import {PermanentError} from '../../../processor.ts'
import {listed} from '../../table/names.ts'

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

/** @param names of the columns */
export function encrypted(names: readonly string[]): PermanentError {
  return new PermanentError(
    `${names.length === 1 ? 'A column' : `${names.length} columns`} of the Parquet file ${names.length === 1 ? 'is' : 'are'} encrypted: ${listed(names)}.`,
    {
      code: 'encrypted-column',
      column: names[0],
      suggestions: [
        'Write it without encryption, for instance: df.to_parquet("FILE"). The bucket encrypts it at rest.',
      ],
    },
  )
}
