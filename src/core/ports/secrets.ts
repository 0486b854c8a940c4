/** Values of the project's secrets in Secret Manager, by the secret's short name. */
export interface Secrets {
  /** The value of the newest version; `undefined` if there is none, or it is disabled or destroyed. @throws AppError */
  newest(secret: string): Promise<string | undefined>
  /**
   * What can be read of a version: number, alias or `latest`.
   * @throws AppError
   */
  state(
    secret: string,
    version: string,
  ): Promise<'enabled' | 'disabled' | 'destroyed' | 'no version' | 'no secret'>
  /** Adds a version; creates the secret if it does not exist. @throws AppError */
  add(secret: string, value: string): Promise<void>
}
