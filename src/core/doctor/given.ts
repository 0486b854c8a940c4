import {join} from 'node:path'
import type {Context} from '../ports/context.ts'
import {KEY_USER} from '../ports/project.ts'
import {secretsOf, type DeclaredSecret} from '../secrets/declared.ts'
import {readLocalValues, SECRETS_FILE} from '../secrets/local-values.ts'
import {shellPath, shellWord} from '../shell.ts'
import {checkGivenChannel} from './channels.ts'
import type {Check} from './check.ts'
import {checkExistingBuckets} from './existing-buckets.ts'

/** Checks what the settings name and the pipeline does not create: buckets, secrets, a channel, a key. Changes nothing. */
export async function checkGiven(context: Context): Promise<Check[]> {
  const {settings} = context.pipeline
  context.step('Check what the settings name')
  return [
    ...(await checkExistingBuckets(context)),
    ...(settings.target === 'local' ? await checkLocalValues(context) : await checkVersions(context)),
    ...(settings.target === 'gcp' ? await checkGivenChannel(context) : []),
    ...(settings.target === 'gcp' && settings.kmsKey !== undefined
      ? await checkKey(settings.kmsKey, context)
      : []),
  ]
}

/** A value comes from the file, or was stored in the local cloud by other means. */
async function checkLocalValues({cloud, pipeline, stateFolder}: Context): Promise<Check[]> {
  const declared = secretsOf(pipeline.settings)
  if (declared.length === 0) return []
  const values = await readLocalValues(stateFolder)
  const file = shellPath(join(stateFolder, SECRETS_FILE))
  return Promise.all(
    declared.map(async ({variable, secret, version}): Promise<Check> => {
      const hasValue =
        (values.get(variable) ?? '') !== '' || (await cloud.secrets.state(secret, version)) === 'enabled'
      if (hasValue) return {name: 'secret', state: 'ok', detail: `${secret}, for ${variable}`}
      return {
        name: 'secret',
        state: 'failed',
        detail: `${secret} has no value on this machine: ${variable} is missing in ${file}`,
        fix: appendValue(variable, file),
      }
    }),
  )
}

/**
 * Asks for a value and adds it to a file that may not end in a newline. For bash whatever the user's shell is; dotenv knows
 * no escapes, so the quotes are ones that the value does not contain, and `"` only if it has no `\n`, which dotenv turns
 * into a newline between these. Fails if no quotes fit.
 * @param file as a shell word
 */
function appendValue(variable: string, file: string): string {
  // \047 is an apostrophe: fish reads one that shellWord escapes differently.
  const script = [
    'umask 077',
    `IFS= read -rsp "${variable}: " value`,
    String.raw`for q in \` $(printf "\047") \"; do [[ $value == *$q* || $q$value == \"*"\n"* ]] || break; q=; done`,
    String.raw`[[ $q ]] || { echo "Not saved: dotenv has no quotes for this value." >&2; exit 1; }`,
    String.raw`printf "\n${variable}=$q%s$q\n" "$value" >> ${file}`,
  ]
  return `bash -c ${shellWord(script.join('; '))}`
}

async function checkVersions({cloud, pipeline}: Context): Promise<Check[]> {
  const {project} = pipeline.settings
  const check = async ({variable, secret, version}: DeclaredSecret): Promise<Check> => {
    const state = await cloud.secrets.state(secret, version)
    const add = `gcloud secrets versions add ${secret} --data-file=- --project ${project}`
    const name = 'secret'
    if (state === 'enabled')
      return {name, state: 'ok', detail: `${secret}, version ${version}, for ${variable}`}
    const failed = (detail: string, fix: string): Check => ({name, state: 'failed', detail, fix})
    if (state === 'no secret')
      return failed(
        `there is no secret ${secret}, which ${variable} names`,
        `gcloud secrets create ${secret} --data-file=- --project ${project}`,
      )
    if (state === 'no version')
      return failed(
        `secret ${secret} has no version ${version}, which ${variable} names`,
        version === 'latest' ? add : `gcloud secrets versions list ${secret} --project ${project}`,
      )
    return failed(
      `version ${version} of secret ${secret}, which ${variable} names, is ${state}`,
      state === 'destroyed' || version === 'latest'
        ? add
        : `gcloud secrets versions enable ${version} --secret=${secret} --project ${project}`,
    )
  }
  return Promise.all(secretsOf(pipeline.settings).map(check))
}

/** https://cloud.google.com/iam/docs/service-agents */
const KEY_AGENTS = {
  'Cloud Storage': 'gs-project-accounts',
  'Pub/Sub': 'gcp-sa-pubsub',
  'Artifact Registry': 'gcp-sa-artifactregistry',
  'Cloud Run': 'serverless-robot-prod',
}

async function checkKey(key: string, {cloud}: Context): Promise<Check[]> {
  const state = await cloud.project.state()
  if (state === undefined) return []
  const {members, isComplete} = await cloud.project.keyUsers(key)
  return Object.entries(KEY_AGENTS).map(([service, domain]): Check => {
    const member = `serviceAccount:service-${state.number}@${domain}.iam.gserviceaccount.com`
    const name = 'kmsKey'
    if (members.has(member)) return {name, state: 'ok', detail: `${service} may use ${key}`}
    if (!isComplete)
      return {
        name,
        state: 'ok',
        detail: `who may use ${key} cannot be read; ${service} (${member}) needs ${KEY_USER} on it`,
      }
    return {
      name,
      state: 'failed',
      detail: `${service} (${member}) lacks ${KEY_USER} on ${key}`,
      fix: `gcloud kms keys add-iam-policy-binding ${key} --member=${member} --role=${KEY_USER}`,
    }
  })
}
