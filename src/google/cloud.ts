import type {Cloud} from '../core/ports.ts'

export interface GoogleCloudOptions {
  readonly projectId: string
  readonly region: string
  /** Origin of the local cloud, e.g. `http://127.0.0.1:4510`; absent: Google, with Application Default Credentials. */
  readonly endpoint?: string
}

/** The ports over Google's client libraries; each library is loaded when it is first used. */
export function createGoogleCloud(options: GoogleCloudOptions): Cloud {
  throw new Error(`not written yet ${String(options)}`)
}
