import type {Context} from '../context.ts'
import type {PlannedResource} from '../ports.ts'

/** What `destroy` would take away. */
export interface Loss {
  /** False where there is nothing at all. */
  readonly exists: boolean
  readonly resources: readonly PlannedResource[]
  readonly inputs: {readonly objects: number; readonly bytes: number}
  readonly results: {
    readonly objects: number
    readonly bytes: number
    /** Never written out by `results`. */ readonly notFetched: number
  }
}

export interface DestroyResult {
  readonly removed: readonly PlannedResource[]
  /** Empty, or what could not be removed. */
  readonly left: readonly PlannedResource[]
}

/** Says what would be lost; changes nothing. */
export async function inspectLoss(context: Context): Promise<Loss> {
  throw new Error(`not written yet ${String(context)}`)
}

/** Removes the pipeline and everything in it. Nothing there is fine. */
export async function destroy(context: Context): Promise<DestroyResult> {
  throw new Error(`not written yet ${String(context)}`)
}
