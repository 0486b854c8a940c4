import {sidecarObject, type Sidecar} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {sourceGeneration} from '../files/commits.ts'
import {faultIn, type FileStatus} from '../files/files.ts'
import type {StoredObject} from '../ports/objects.ts'
import {readNamedFiles} from '../files/read-files.ts'
import {commandFor, suggest} from '../suggestion.ts'

/** What to call each in messages. */
const NAMES: Readonly<Record<'report.json' | 'model.json', string>> = {
  'report.json': 'report',
  'model.json': 'model',
}

/**
 * Finds what the worker wrote beside the result of an object's newest generation.
 * @throws AppError `object-unknown`; `result-missing` if the file has no result, or its worker does not write it
 */
export async function findSidecar(
  object: string,
  sidecar: Extract<Sidecar, keyof typeof NAMES>,
  context: Context,
): Promise<StoredObject> {
  const {cloud, pipeline} = context
  const [file] = await readNamedFiles([object], context)
  if (file === undefined) throw new TypeError('readNamedFiles answers for each name')
  const name = NAMES[sidecar]
  if (file.state !== 'done') {
    const isOver = file.state === 'failed' || file.state === 'dead'
    throw new AppError(`No ${name} for ${object}: ${reasonOf(file)}`, {
      code: 'result-missing',
      ...(isOver ? {exitCode: EXIT.fileFailed} : {}),
      suggestions: [
        isOver
          ? suggest`See what is wrong with it: ${commandFor('results', object)}`
          : suggest`Wait for it: ${commandFor('status', object)}`,
      ],
    })
  }
  const found = await cloud.objects.stat(pipeline.names.outputBucket, sidecarObject(object, sidecar))
  if (found === undefined || sourceGeneration(found) !== file.generation) {
    throw new AppError(`The worker wrote no ${name} for ${object}.`, {
      code: 'result-missing',
      suggestions: [
        suggest`Only the built-in worker writes one; see the result: ${commandFor('results', object)}`,
      ],
    })
  }
  return found
}

function reasonOf(file: FileStatus): string {
  const {state} = file
  const fault = faultIn(file)
  if (state === 'failed') return `the file failed. ${fault}`.trim()
  return state === 'dead' ? `each attempt at the file failed. ${fault}`.trim() : `the file is ${state}.`
}
