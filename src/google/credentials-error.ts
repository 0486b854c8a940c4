import {AppError} from '../core/errors.ts'
import {toAppError} from './errors.ts'

const VARIABLE = 'GOOGLE_APPLICATION_CREDENTIALS'
const SIGN_IN = 'gcloud auth application-default login'

/** What `google-auth-library` says of the file that the variable names, before the reason. */
const OF_THE_VARIABLE = new RegExp(`credential file specified by the ${VARIABLE} environment variable: `)

/** The library's reasons, and what is wrong with the file in our words. */
const REASONS: readonly (readonly [said: RegExp, meant: string])[] = [
  [/ENOENT|ENOTDIR/, 'does not exist'],
  [/is not a file/, 'is not a file'],
  [/EACCES|permission denied/i, 'may not be read'],
  [/incoming JSON object/, 'holds no credentials'],
  [/JSON/, 'is not JSON'],
]

/** What went wrong in finding Application Default Credentials. @param error of `google-auth-library` */
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
    return new AppError(`The credentials that gcloud has stored here cannot be used: ${message}.`, {
      code: 'unauthenticated',
      suggestions: [`Sign in again: ${SIGN_IN}`],
      cause: error,
    })
  }
  return toAppError(error, 'Application Default Credentials')
}
