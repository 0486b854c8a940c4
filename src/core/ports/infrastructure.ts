import type {Pipeline} from '../pipeline/pipeline.ts'

/** A role for a member on one resource. */
export interface Grant {
  readonly role: string
  /** `serviceAccount:EMAIL`; in words where its name is not known yet. */
  readonly member: string
  readonly on: {readonly kind: string; readonly name: string}
}

/** A resource of the pipeline as plan, apply and destroy speak of it. */
export interface PlannedResource {
  /** Google's word for it: `bucket`, `topic`, `service account` … */
  readonly kind: string
  readonly name: string
  /** `replace`: deleted and made anew, since it cannot be changed. */
  readonly action: 'create' | 'update' | 'replace' | 'none' | 'delete'
  /** Of the kind `grant`. */
  readonly grant?: Grant
}

export interface ApplyOptions {
  /** Reference with digest; `undefined` in the first phase: everything that needs no image. */
  readonly image: string | undefined
  readonly signal: AbortSignal
  readonly step: (text: string) => void
}

/** What makes and removes the pipeline's resources: Terraform, or the same calls made directly. */
export interface Infrastructure {
  /** What `apply` would do. */
  plan(
    pipeline: Pipeline,
    options: {image: string | undefined; signal: AbortSignal},
  ): Promise<PlannedResource[]>
  /** Makes what is missing and mends what differs. @returns what was done, `none` included */
  apply(pipeline: Pipeline, options: ApplyOptions): Promise<PlannedResource[]>
  /** Removes everything, buckets' contents first; what is not there is fine. @returns what was removed */
  destroy(
    pipeline: Pipeline,
    options: {signal: AbortSignal; step: (text: string) => void},
  ): Promise<PlannedResource[]>
  /** What is still there, by name and by label. */
  leftovers(pipeline: Pipeline, options: {signal: AbortSignal}): Promise<PlannedResource[]>
}

/** The same questions as of the infrastructure, put to the APIs themselves, whoever made the resources. */
export interface Inspection extends Pick<Infrastructure, 'plan' | 'leftovers'> {
  /**
   * What is not there of what brings an upload to the service: in words, as `subscription NAME`; two cheap looks.
   * What the user may not look at counts as there.
   */
  missingConnections(pipeline: Pipeline, options: {signal: AbortSignal}): Promise<string[]>
}
