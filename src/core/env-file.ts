import {readFile} from 'node:fs/promises'
import {parseEnv} from 'node:util'
import {invalid} from './config-rules.ts'
import {AppError} from './errors.ts'
import type {Entries} from './settings/setting.ts'
import {SETTINGS} from './settings/settings.ts'
import {messageOf} from './system-error.ts'

/**
 * Variables of a file, by the rules of dotenv.
 * @param place where the file was named
 * @throws AppError `config-unreadable`; `config-invalid` (exit 2) for a name that no variable can have
 */
export async function readEnvFile(file: string, place: string): Promise<Entries> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new AppError(`${file} (envFile, ${place}) cannot be read: ${messageOf(error)}`, {
      code: 'config-unreadable',
      suggestions: ['Create it, with a line NAME=value for each variable.'],
      cause: error,
    })
  })
  const variables = Object.entries(parseEnv(text)).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  const wrong = variables.find(([name, value]) => SETTINGS.environment.parse({[name]: value}) === undefined)
  if (wrong !== undefined)
    throw invalid(`${file} sets "${wrong[0]}", which is not a valid variable name.`, 'For example: LANG=en')
  return Object.fromEntries(variables)
}
