import {AppError} from '../core/errors.ts'
import {toAppError} from './errors.ts'

const VARIABLE = 'GOOGLE_APPLICATION_CREDENTIALS'
const SIGN_IN = 'gcloud auth application-default login'

/** How `google-auth-library` introduces a problem with the file that the variable names. */
const OF_THE_VARIABLE = new RegExp(`credential file specified by the ${VARIABLE} environment variable: `)

/** The library's reasons, and our wording. */
const REASONS: readonly (readonly [said: RegExp, meant: string])[] = [
  [/ENOENT|ENOTDIR/, 'does not exist'],
  [/is not a file/, 'is not a file'],
  [/EACCES|permission denied/i, 'cannot be read'],
  [/incoming JSON object/, 'does not contain credentials'],
  [/JSON/, 'is not JSON'],
]

/** Converts a failure to find Application Default Credentials. @param error of `google-auth-library` */
export function toCredentialsError(error: unknown): AppError {
  const message = error instanceof Error ? error.message : ''
  const isOfVariable = OF_THE_VARIABLE.test(message)
  const reason = REASONS.find(([said]) => said.test(message))?.[1]
  if (isOfVariable) {
    const file = process.env[VARIABLE] ?? ''
    return new AppError(`${VARIABLE} names ${file}, which ${reason ?? 'cannot be used'}.`, {
      code: 'unauthenticated',
      suggestions: [
        `Name a file with credentials: export ${VARIABLE}=FILE`,
        `Or sign in yourself: unset ${VARIABLE} && ${SIGN_IN}`,
      ],
      cause: error,
    })
  }
  if (error instanceof SyntaxError || /incoming JSON object/.test(message)) {
    return new AppError(`The credentials that gcloud stored cannot be used: ${message}.`, {
      code: 'unauthenticated',
      suggestions: [`Sign in again: ${SIGN_IN}`],
      cause: error,
    })
  }
  return toAppError(error, 'Application Default Credentials')
}
