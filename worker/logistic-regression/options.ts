import {INPUT_METADATA, WORKER_ENVIRONMENT} from '../contract.ts'
import {type ModelOptions, checkModelOptions, overrideOptions} from '../model-options.ts'
import {type InputFile, PermanentError, type ProcessContext} from '../processor.ts'

/**
 * The model options of the pipeline, and over them those of the file.
 * @throws PermanentError `model-option-invalid`
 */
export function readModelOptions(input: InputFile, environment: ProcessContext['environment']): ModelOptions {
  const ofPipeline = parse(
    environment[WORKER_ENVIRONMENT.modelOptions],
    `The variable ${WORKER_ENVIRONMENT.modelOptions}`,
  )
  const ofFile = parse(
    input.metadata[INPUT_METADATA.modelOptions],
    `The metadata ${INPUT_METADATA.modelOptions}`,
  )
  return overrideOptions(ofPipeline, ofFile)
}

function parse(text: string | undefined, where: string): ModelOptions {
  if (text === undefined || text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new PermanentError(`${where} is not JSON.`, {
      code: 'model-option-invalid',
      suggestions: ['Upload the file again: cloud-runner upload FILE --set C=0.1'],
    })
  }
  return check(value)
}

function check(value: unknown): ModelOptions {
  const checked = checkModelOptions(value)
  if ('options' in checked) return checked.options
  throw new PermanentError(checked.fault.message, {
    code: 'model-option-invalid',
    suggestions: [checked.fault.suggestion],
  })
}
