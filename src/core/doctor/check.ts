/** One thing that has to be as it is. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'failed'
  readonly detail: string
  /** The one command that mends it. */
  readonly fix?: string | undefined
}
