import type {State} from '../state/state.ts'

/** What access control does with its decisions. */
export const IAM_MODES = [
  /** A missing grant is refused, as Google does. */
  'enforce',
  /** Everything is served, and missing grants are listed. */
  'audit',
  /** Everything is granted. */
  'off',
] as const

export type IamMode = (typeof IAM_MODES)[number]

/** The mode of access control, kept in the state. */
export interface Enforcement {
  mode(): IamMode
  set(mode: IamMode): Promise<void>
}

export function createEnforcement(state: State): Enforcement {
  const select = state.database.prepare('SELECT mode FROM iam_mode')
  const remove = state.database.prepare('DELETE FROM iam_mode')
  const insert = state.database.prepare('INSERT INTO iam_mode (mode) VALUES (?)')
  const kept = select.get()?.['mode']
  let mode = IAM_MODES.find((each) => each === kept) ?? 'enforce'
  return {
    mode: () => mode,
    async set(next) {
      await state.write(() => {
        remove.run()
        insert.run(next)
      })
      mode = next
    },
  }
}
