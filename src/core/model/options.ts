import {readFile} from 'node:fs/promises'
import {resolve} from 'node:path'
import {
  MODEL_OPTIONS,
  type ModelOptions,
  type OptionFault,
  checkModelOptions,
  overrideOptions,
  readOptionText,
} from '../../../worker/model-options.ts'
import {AppError, EXIT} from '../errors.ts'
import {nearest, suggestPath} from '../nearest.ts'
import {codeOf} from '../system-error.ts'

/** What each option does, a line each, for help. */
export const MODEL_OPTIONS_HELP = Object.entries(MODEL_OPTIONS)
  .map(([name, {does}]) => `${name}: ${does}`)
  .join('\n')

/** The model option that a flag such as `--class-weight` would be; undefined if there is none. */
export function modelOptionNamed(flag: string): string | undefined {
  const name = flag.replaceAll('-', '').toLowerCase()
  return Object.keys(MODEL_OPTIONS).find((option) => option.toLowerCase() === name)
}

/**
 * The model options of an upload: those of a JSON file, and over them `NAME=VALUE` settings. Needs no network.
 * @param cwd absolute: what a relative path is relative to
 * @returns JSON for the objects' metadata; undefined if there are none
 * @throws AppError `model-option-invalid` (exit 2), `file-missing`, `file-unreadable`
 */
export async function planModelOptions(
  {file, settings}: {file: string | undefined; settings: readonly string[]},
  cwd: string,
): Promise<string | undefined> {
  if (file === undefined && settings.length === 0) return undefined
  const given = file === undefined ? {} : check(await readOptions(file, cwd))
  const set = settings.map((setting) => {
    const option = readOptionText(setting)
    if ('fault' in option) throw invalid(option.fault)
    return [option.name, option.value] as const
  })
  return JSON.stringify(overrideOptions(given, check(Object.fromEntries(set))))
}

function check(value: unknown): ModelOptions {
  const checked = checkModelOptions(value)
  if ('fault' in checked) throw invalid(checked.fault)
  return checked.options
}

async function readOptions(file: string, cwd: string): Promise<unknown> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch(async (error: unknown) => {
    const isMissing = codeOf(error) === 'ENOENT'
    throw new AppError(isMissing ? `File ${file} does not exist.` : `${file} cannot be read.`, {
      code: isMissing ? 'file-missing' : 'file-unreadable',
      suggestions: isMissing ? await suggestPath(file, cwd) : [],
      cause: error,
    })
  })
  try {
    return JSON.parse(text)
  } catch {
    throw invalid({
      message: `${file} is not JSON.`,
      suggestion: 'For instance: {"C": 0.1, "exclude": ["comment"]}',
    })
  }
}

function invalid({message, suggestion, unknown = ''}: OptionFault): AppError {
  const near = nearest(unknown, Object.keys(MODEL_OPTIONS))
  return new AppError(message, {
    code: 'model-option-invalid',
    exitCode: EXIT.usage,
    suggestions: [...(near === undefined ? [] : [`Did you mean ${near}?`]), suggestion],
  })
}
