import type {Settings} from '../settings/settings.ts'

/** A variable of the worker whose value is a version of a secret. */
export interface DeclaredSecret {
  readonly variable: string
  /** Short name, in the pipeline's project. */
  readonly secret: string
  /** A number, an alias or `latest`. */
  readonly version: string
}

/** The setting `secrets`, one by one. The local target has the values of this machine alone, as the newest version. */
export function secretsOf({secrets, target}: Pick<Settings, 'secrets' | 'target'>): DeclaredSecret[] {
  return Object.entries(secrets).map(([variable, declared]) => {
    const [secret = '', version = 'latest'] = declared.split(':')
    return {variable, secret, version: target === 'local' ? 'latest' : version}
  })
}
