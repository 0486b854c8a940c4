import type {Principal} from '../wire/call.ts'

/** How Cloud Run reads the values of variables that come from Secret Manager. */
export interface SecretValues {
  /**
   * The payload of an enabled version, as `AccessSecretVersion` answers it to the principal.
   * @param name `projects/P/secrets/S/versions/V`; `V` is a number, an alias or `latest`
   * @throws ApiError NOT_FOUND, FAILED_PRECONDITION, PERMISSION_DENIED
   */
  access(name: string, principal: Principal): Buffer
}
