import type {Pipeline} from '../settings/pipeline.ts'

/** A role for a member on one resource. */
export interface Grant {
  readonly role: string
  /** `serviceAccount:EMAIL`; a description if its name is not known yet. */
  readonly member: string
  readonly on: {readonly kind: string; readonly name: string}
}

/** A resource of the pipeline as plan, apply and destroy report it. */
export interface PlannedResource {
  /** Google's word for it: `bucket`, `topic`, `service account` … */
  readonly kind: string
  readonly name: string
  /** `replace`: deleted and created again, since it cannot be changed. */
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

/** Creates and removes the pipeline's resources: with Terraform, or by direct API calls. */
export interface Infrastructure {
  /** What `apply` would do. */
  plan(
    pipeline: Pipeline,
    options: {image: string | undefined; signal: AbortSignal},
  ): Promise<PlannedResource[]>
  /** Creates what is missing and updates what differs. @returns what was done, `none` included */
  apply(pipeline: Pipeline, options: ApplyOptions): Promise<PlannedResource[]>
  /** Removes everything, buckets' contents first; missing resources are not an error. @returns what was removed */
  destroy(
    pipeline: Pipeline,
    options: {signal: AbortSignal; step: (text: string) => void},
  ): Promise<PlannedResource[]>
  /** Resources that still exist, found by name and by label. */
  leftovers(pipeline: Pipeline, options: {signal: AbortSignal}): Promise<PlannedResource[]>
}

/** The same inspection directly through the APIs, however the resources were created. */
export interface Inspection extends Pick<Infrastructure, 'plan' | 'leftovers'> {
  /**
   * The notification channels that exist for the alerts: the pipeline's own, and the one that the settings name, by the
   * name that they give it. `undefined` if the caller may not see them, or the API is disabled.
   */
  channels(
    pipeline: Pipeline,
  ): Promise<readonly {readonly name: string; readonly works: boolean}[] | undefined>
  /**
   * What is missing between an upload and the service, as `subscription NAME`; two cheap reads. What the user is not
   * allowed to read counts as existing.
   */
  missingConnections(pipeline: Pipeline, options: {signal: AbortSignal}): Promise<string[]>
}
