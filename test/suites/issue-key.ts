import {writeFile} from 'node:fs/promises'

/** Creates a service account that may do everything in `PROJECT`, and writes a key of it to the file `KEY`. */
const {PROJECT: project = '', KEY: file = '', STORAGE_EMULATOR_HOST: endpoint = ''} = process.env
// Some tests strip the letters of `user-` off its beginning.
const email = `google-suites@${project}.iam.gserviceaccount.com`
const roles = [
  'roles/owner',
  'roles/storage.admin',
  'roles/pubsub.admin',
  'roles/iam.serviceAccountTokenCreator',
]

await call(`projects/${project}/serviceAccounts`, {accountId: 'google-suites'})
const bindings = roles.map((role) => ({role, members: [`serviceAccount:${email}`]}))
await call(`projects/${project}:setIamPolicy`, {policy: {bindings}})
const {privateKeyData} = await call(`projects/${project}/serviceAccounts/${email}/keys`, {})
await writeFile(file, Buffer.from(privateKeyData ?? '', 'base64'))

async function call(path: string, body: object): Promise<{privateKeyData?: string}> {
  const response = await fetch(`${endpoint}/v1/${path}`, {method: 'POST', body: JSON.stringify(body)})
  if (!response.ok) throw new Error(await response.text())
  const answer: {privateKeyData?: string} = JSON.parse(await response.text())
  return answer
}
