import type {Context} from '../ports/context.ts'
import type {Check} from './check.ts'

/**
 * Since this date, Pub/Sub agents can create push tokens without a grant.
 * https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions#configure_for_push_authentication
 */
const AGENTS_SIGN_SINCE = '2021-04-09'
const TOKEN_CREATOR = 'roles/iam.serviceAccountTokenCreator'

/**
 * Checks whether the Pub/Sub agent may create tokens of the push account. An agent is never older than its project; for
 * an older project, the grant decides.
 */
export async function checkPushTokens({cloud, pipeline, step}: Context): Promise<Check[]> {
  step('Inspect the Pub/Sub agent')
  const name = 'push token'
  const {pushAccount} = pipeline.names
  const {project} = pipeline.settings
  const state = await cloud.project.state()
  if (state?.createdAt === undefined || state.createdAt >= AGENTS_SIGN_SINCE)
    return [
      {
        name,
        state: 'ok',
        detail: `${project} was created after April 2021: its Pub/Sub agent needs no grant`,
      },
    ]
  const maySign = await cloud.project.pubsubAgentMaySignFor(pushAccount)
  const agent = `serviceAccount:${await cloud.project.pubsubAgent()}`
  if (maySign === true) return [{name, state: 'ok', detail: `${agent} may create tokens of ${pushAccount}`}]
  if (maySign === undefined) {
    const detail = `its policies cannot be read; if pushes are refused, ${agent} may need ${TOKEN_CREATOR} on ${pushAccount}`
    return [{name, state: 'ok', detail}]
  }
  return [
    {
      name,
      state: 'failed',
      detail: `${project} was created before April 2021, and ${agent} may not create tokens of ${pushAccount}`,
      fix: `gcloud iam service-accounts add-iam-policy-binding ${pushAccount} --member=${agent} --role=${TOKEN_CREATOR} --project=${project}`,
    },
  ]
}
