import {chmod, readFile, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {parseEnv} from 'node:util'
import {AppError, EXIT} from '../errors.ts'
import type {Secrets} from '../ports/secrets.ts'
import {shellPath} from '../shell.ts'
import {codeOf, messageOf} from '../system-error.ts'

/** In the `.cloud-runner` folder, which git ignores: the values of secrets on this machine. */
export const SECRETS_FILE = 'secrets.env'

/** What became of the variables that come from secrets, by their names. */
export interface PutValues {
  /** Their value is a new version of the secret. */
  readonly put: readonly string[]
  /** The newest version of the secret has their value already. */
  readonly unchanged: readonly string[]
  /** The file has no value for them. */
  readonly missing: readonly string[]
  /** The file has a value for them, but no setting names them. */
  readonly undeclared: readonly string[]
}

/**
 * Values by variable, from `secrets.env` in dotenv's form (https://nodejs.org/api/util.html#utilparseenvcontent); none
 * if there is no file. A file that others could read becomes its owner's alone.
 * @param stateFolder absolute path of the `.cloud-runner` folder
 * @throws AppError `config-unreadable`
 */
export async function readLocalValues(stateFolder: string): Promise<ReadonlyMap<string, string>> {
  const file = join(stateFolder, SECRETS_FILE)
  try {
    const {mode} = await stat(file)
    if ((mode & 0o077) !== 0) await chmod(file, 0o600)
    const text = await readFile(file, 'utf8')
    // Editors on Windows put a byte order mark before the text.
    const values = Object.entries(parseEnv(text.replace(/^\uFEFF/, '')))
    return new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Map()
    throw new AppError(`${file} cannot be read: ${messageOf(error)}`, {
      code: 'config-unreadable',
      suggestions: [`Check its permissions: ls -l ${shellPath(file)}`],
      cause: error,
    })
  }
}

/**
 * Makes each value the newest version of its secret, unless it is that already. Nothing is ever written back to the file.
 * @param declared the setting `secrets`: `secret[:version]` by variable
 * @throws AppError `config-invalid` (exit 2) if two variables of one secret have different values, before any change
 */
export async function putLocalValues(
  secrets: Secrets,
  values: ReadonlyMap<string, string>,
  declared: Readonly<Record<string, string>>,
): Promise<PutValues> {
  const names = Object.keys(declared)
  // A secret cannot be empty.
  const given = names.filter((name) => (values.get(name) ?? '') !== '')
  const bySecret = Map.groupBy(given, (name) => declared[name]?.split(':')[0] ?? '')
  for (const [secret, variables] of bySecret) {
    if (new Set(variables.map((name) => values.get(name))).size > 1)
      throw new AppError(
        `${variables.join(' and ')} come from one secret, ${secret}, but have different values in ${SECRETS_FILE}.`,
        {
          code: 'config-invalid',
          exitCode: EXIT.usage,
          suggestions: ['Give them the same value, or a secret each.'],
        },
      )
  }
  const put: string[] = []
  const unchanged: string[] = []
  for (const [secret, variables] of bySecret) {
    const value = values.get(variables[0] ?? '') ?? ''
    if ((await secrets.newest(secret)) === value) unchanged.push(...variables)
    else {
      await secrets.add(secret, value)
      put.push(...variables)
    }
  }
  return {
    put,
    unchanged,
    missing: names.filter((name) => !given.includes(name)),
    undeclared: [...values.keys()].filter((name) => !names.includes(name)),
  }
}
