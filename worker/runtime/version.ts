/** Replaced in the bundle by the package's version. */
declare const CLOUD_RUNNER_VERSION: string | undefined

/** Version of cloud-runner that this runtime is from; `unbundled` if it runs from its sources. */
export const VERSION = typeof CLOUD_RUNNER_VERSION === 'string' ? CLOUD_RUNNER_VERSION : 'unbundled'
