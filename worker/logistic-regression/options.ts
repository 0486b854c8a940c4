import {INPUT_METADATA, WORKER_ENVIRONMENT} from '../contract.ts'
import {
  MODEL_OPTIONS,
  type ModelOptions,
  type OptionFault,
  checkModelOptions,
  faultOfSolver,
  overrideOptions,
} from '../model-options.ts'
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
  const options = overrideOptions(ofPipeline, ofFile)
  const fault = faultOfSolver(options)
  if (fault !== undefined) throw invalid(fault)
  return options
}

/**
 * The population stability index from which the file is refused, if its metadata sets one.
 * @throws PermanentError `drift-bound-invalid`
 */
export function readDriftBound(input: InputFile): number | undefined {
  const text = input.metadata[INPUT_METADATA.failOnDrift]?.trim()
  if (text === undefined || text === '') return undefined
  const bound = Number(text)
  if (bound > 0) return bound
  throw new PermanentError(
    `The metadata ${INPUT_METADATA.failOnDrift} must be a number above 0, not ${text}.`,
    {
      code: 'drift-bound-invalid',
      suggestions: ['Upload the file again: cloud-runner upload FILE --model MODEL --fail-on-drift 0.25'],
    },
  )
}

/** Metadata that was meant for the model by its name, but is not read: warnings for the report. */
export function unreadMetadata({metadata}: InputFile): string[] {
  const plain = (name: string): string => name.replace(/[-_]/g, '').toLowerCase()
  const named = <T extends string>(names: readonly T[], key: string): T | undefined =>
    names.find((name) => plain(name) === plain(key))
  return Object.entries(metadata).flatMap(([key, value]) => {
    const known = named(Object.values(INPUT_METADATA), key)
    if (known === key) return []
    if (known !== undefined) return [`The metadata ${key} had no effect: its name is ${known}.`]
    const option = named(Object.keys(MODEL_OPTIONS), key)
    // Many programs keep an id of their own there.
    if (option === undefined || option === 'id') return []
    return [
      `The metadata ${key} had no effect: set it with upload --set '${option}=${value}', or as JSON in the metadata ${INPUT_METADATA.modelOptions}.`,
    ]
  })
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
  throw invalid(checked.fault)
}

function invalid({message, suggestion}: OptionFault): PermanentError {
  return new PermanentError(message, {code: 'model-option-invalid', suggestions: [suggestion]})
}
