/** The languages' own tools on this machine. */
export interface Programs {
  /**
   * Whether a program exists, as a shell finds it.
   * @param from folder for a relative path
   * @param path folders to search before PATH
   */
  has(program: string, options: {readonly from: string; readonly path: readonly string[]}): Promise<boolean>
  /**
   * Provides a Python virtual environment with these requirements, created once for each content.
   * @returns its folder of programs, absolute
   * @throws AppError `program-missing` without Python; `worker-build-failed` with the last lines of pip
   */
  pythonEnvironment(options: {
    /** The worker's, absolute: where relative requirements start. */
    readonly folder: string
    /** Where environments are kept, absolute. */
    readonly root: string
    /** Packages for development, in addition to the folder's requirements.txt. */
    readonly extra: readonly string[]
    readonly signal: AbortSignal
    readonly step: (text: string) => void
  }): Promise<string>
}
