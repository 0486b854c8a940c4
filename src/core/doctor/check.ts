import type {Suggestion} from '../suggestion.ts'

/** One check and its outcome. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'failed'
  readonly detail: string
  /** The command that fixes it. */
  readonly fix?: Suggestion | undefined
}
