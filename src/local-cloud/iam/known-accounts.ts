import type {State} from '../state/state.ts'
import type {KnownAccounts} from './access.ts'

/** Accounts that Google itself makes and runs services as; they exist wherever their project does. */
const OF_GOOGLE = [
  /^(?:service|project)-\d+@[a-z0-9-]+\.iam\.gserviceaccount\.com$/,
  /^\d+-compute@developer\.gserviceaccount\.com$/,
  /^\d+@(?:cloudservices|cloudbuild)\.gserviceaccount\.com$/,
  /^[a-z0-9-]+@(?:appspot|system)\.gserviceaccount\.com$/,
]

/** Which service accounts there are: those that were created, and Google's own. */
export function createKnownAccounts(state: State): KnownAccounts {
  const select = state.database.prepare('SELECT 1 FROM iam_service_accounts WHERE email = ?')
  const selectDisabled = state.database.prepare(
    "SELECT 1 FROM iam_service_accounts WHERE email = ? AND account ->> '$.disabled'",
  )
  return {
    isDisabled: (email) => selectDisabled.get(email) !== undefined,
    exists: (email) => OF_GOOGLE.some((pattern) => pattern.test(email)) || select.get(email) !== undefined,
  }
}
