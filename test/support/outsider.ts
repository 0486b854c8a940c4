import {fieldsOf} from '../../src/core/json.ts'

/** A service account of a local cloud that has no grant. @returns a function that calls a path as it */
export async function createOutsider(
  endpoint: string,
  project: string,
): Promise<(path: string) => Promise<number>> {
  const post = (path: string, body: object) =>
    fetch(`${endpoint}${path}`, {method: 'POST', body: JSON.stringify(body)})
  await post(`/v1/projects/${project}/serviceAccounts`, {accountId: 'outsider'})
  const answer = await post(
    `/v1/projects/-/serviceAccounts/outsider@${project}.iam.gserviceaccount.com:generateAccessToken`,
    {scope: ['https://www.googleapis.com/auth/cloud-platform']},
  )
  const {accessToken} = fieldsOf(await answer.json())
  return async (path) => {
    const {status} = await fetch(`${endpoint}${path}`, {
      headers: {authorization: `Bearer ${String(accessToken)}`},
    })
    return status
  }
}
