import type {Context} from '../context.ts'
import {findSidecar} from './sidecar.ts'
import {prepareOutput, writeResult, type OutputTarget} from './write.ts'

export interface ExportedModel {
  readonly object: string
  /** Where it lies in the output bucket: what `upload --model` takes as well. */
  readonly uri: string
  /** Absolute; `-` for standard output. */
  readonly file: string
  readonly sizeBytes: number
}

/**
 * Writes the model of an object's result, byte for byte as the worker wrote it.
 * @throws AppError as `findSidecar`; `output-exists` without force; `output-unwritable`
 */
export async function exportModel(
  {object, output}: {readonly object: string; readonly output: OutputTarget},
  context: Context,
): Promise<ExportedModel> {
  await prepareOutput(output)
  const stored = await findSidecar(object, 'model.json', context)
  const written = await writeResult(stored, output, context)
  return {object, uri: `gs://${stored.bucket}/${stored.name}`, ...written}
}
