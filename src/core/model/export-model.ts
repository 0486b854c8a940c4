import type {Context} from '../ports/context.ts'
import {prepareOutput, writeOutput, type OutputTarget} from '../output.ts'
import {findSidecar} from '../results/sidecar.ts'

export interface ExportedModel {
  readonly object: string
  /** Its place in the output bucket, which `upload --model` also accepts. */
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
  const {cloud, signal} = context
  const {bucket, name, generation} = stored
  const written = await writeOutput(
    await cloud.objects.read(bucket, name, {generation, signal}),
    output,
    signal,
  )
  return {object, uri: `gs://${stored.bucket}/${stored.name}`, ...written}
}
