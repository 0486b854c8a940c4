import {spawnSync} from 'node:child_process'
import {existsSync} from 'node:fs'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {checkGiven} from '../../../src/core/doctor/given.ts'
import {requireAll} from '../../../src/core/doctor/prerequisites.ts'
import {readLocalValues} from '../../../src/core/secrets/local-values.ts'
import type {SettingName} from '../../../src/core/settings/settings.ts'
import {plan} from '../../../src/core/plan.ts'
import {render} from '../../../src/core/suggestion.ts'
import {createProject} from '../../../src/google/project.ts'
import {createRest} from '../../../src/google/rest.ts'
import {startServer} from '../../support/answering-server.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

const KEY = 'projects/keys-123/locations/europe-west3/keyRings/data/cryptoKeys/files'
const ROLE = 'roles/cloudkms.cryptoKeyEncrypterDecrypter'
const STORAGE = 'serviceAccount:service-42@gs-project-accounts.iam.gserviceaccount.com'

const startGoogle = (settings: Partial<Record<SettingName, string>>) =>
  startLocalPipeline({project: 'my-project-123', target: 'gcp', ...settings})

test('a secret or version that does not exist is reported with the command that adds it', async () => {
  const context = await startGoogle({secrets: 'A=none\nB=few:7\nC=few:1\nD=few:2\nE=few'})
  await context.cloud.secrets.add('few', 'first')
  await context.cloud.secrets.add('few', 'second')
  const disable = `${context.endpoint}/v1/projects/my-project-123/secrets/few/versions/2:disable`
  expect((await fetch(disable, {method: 'POST'})).status).toBe(200)
  const checks = await checkGiven(context)
  expect(checks.map(({detail, fix}) => [detail, fix])).toEqual([
    [
      'there is no secret none, which A names',
      'gcloud secrets create none --data-file=- --project my-project-123',
    ],
    [
      'secret few has no version 7, which B names',
      'gcloud secrets versions list few --project my-project-123',
    ],
    ['few, version 1, for C', undefined],
    [
      'version 2 of secret few, which D names, is disabled',
      'gcloud secrets versions enable 2 --secret=few --project my-project-123',
    ],
    [
      'version latest of secret few, which E names, is disabled',
      'gcloud secrets versions add few --data-file=- --project my-project-123',
    ],
  ])
  await expect(plan(context)).rejects.toMatchObject({code: 'prerequisites-missing'})
})

test.skipIf(!existsSync('/bin/bash'))(
  'the command for a missing value asks for it and keeps it as it was typed (skipped without bash)',
  async () => {
    const context = await startLocalPipeline({secrets: 'A=a\nB=b\nC=c\nD=d\nE=e\nF=f\nG=g\nH=h'})
    const stateFolder = join(context.folder, "it's here")
    await mkdir(stateFolder)
    const file = join(stateFolder, 'secrets.env')
    await writeFile(file, 'OTHER=of a file that ends without a newline')
    const values = {
      A: `it's "$HOME" #1`,
      B: String.raw`back\slash\n! `,
      C: "quo'te`and tick",
      D: 'plain',
      E: 'a`b"c',
      F: 'a`b\\nc',
    }
    const unfit = {G: '`\'"', H: "a`b'c\\nd"}
    const outcomes: string[] = []
    for (const check of await checkGiven({...context, stateFolder})) {
      const [, variable] = /: (\w) is missing/.exec(check.detail) ?? []
      const value = Object.entries({...values, ...unfit}).find(([name]) => name === variable)?.[1]
      const {status, stderr} = spawnSync('/bin/sh', ['-c', render(check.fix ?? '')], {input: `${value}\n`})
      outcomes.push(`${status} ${stderr.toString()}`)
    }
    expect(outcomes).toEqual([
      ...Array(6).fill('0 '),
      ...Array(2).fill('1 Not saved: dotenv has no quotes for this value.\n'),
    ])
    expect(Object.fromEntries(await readLocalValues(stateFolder))).toEqual({
      OTHER: 'of a file that ends without a newline',
      ...values,
    })
    expect((await checkGiven({...context, stateFolder})).map(({state}) => state)).toEqual([
      ...Array(6).fill('ok'),
      ...Array(2).fill('failed'),
    ])
  },
)

test('an existing bucket that the caller may not read is reported before anything is created', async () => {
  const context = await startGoogle({inputBucket: 'incoming', outputBucket: 'results'})
  await addFault(context.endpoint, {
    on: {method: 'GET', path: '/storage/v1/b/incoming'},
    answer: 403,
    message: 'does not have storage.buckets.get access',
  })
  const checks = await checkGiven(context)
  expect(checks.map(({detail}) => detail)).toEqual([
    expect.stringContaining('does not have storage.buckets.get access'),
    'There is no bucket results, which the setting outputBucket names.',
  ])
  expect(() => requireAll(checks)).toThrow('existing bucket: There is no bucket results')
})

/** Key management is not a part of the local cloud. @param policies the bindings by resource; others are refused */
async function withKeys(policies: Readonly<Record<string, readonly string[]>>) {
  const context = await startGoogle({kmsKey: KEY})
  const endpoint = await startServer((request, response) => {
    const resource = /^\/v1\/(.*):getIamPolicy$/.exec(request.url ?? '')?.[1]
    const members = policies[resource ?? '']
    const body =
      request.url === '/v1/projects/my-project-123'
        ? {projectNumber: '42', lifecycleState: 'ACTIVE'}
        : members === undefined
          ? {error: {code: 403, message: 'Permission denied'}}
          : {bindings: [{role: ROLE, members}]}
    response.statusCode = 'error' in body ? 403 : 200
    response.end(JSON.stringify(body))
  })
  const connection = {projectId: 'my-project-123', region: 'europe-west3', endpoint}
  const project = createProject(connection, createRest(connection))
  return checkGiven({...context, cloud: {...context.cloud, project}})
}

test('each service agent that may not use the key is named with the command that grants it', async () => {
  const ring = KEY.replace(/\/cryptoKeys.*$/, '')
  const pubsub = STORAGE.replace('gs-project-accounts', 'gcp-sa-pubsub')
  const checks = await withKeys({[KEY]: [STORAGE], [ring]: [pubsub], 'projects/keys-123': []})
  expect(checks.map(({state, detail}) => `${state}: ${detail}`)).toEqual([
    `ok: Cloud Storage may use ${KEY}`,
    `ok: Pub/Sub may use ${KEY}`,
    `failed: Artifact Registry (${STORAGE.replace('gs-project-accounts', 'gcp-sa-artifactregistry')}) lacks ${ROLE} on ${KEY}`,
    `failed: Cloud Run (${STORAGE.replace('gs-project-accounts', 'serverless-robot-prod')}) lacks ${ROLE} on ${KEY}`,
  ])
  expect(checks[2]?.fix).toBe(
    `gcloud kms keys add-iam-policy-binding ${KEY} --member=serviceAccount:service-42@gcp-sa-artifactregistry.iam.gserviceaccount.com --role=${ROLE}`,
  )
})

test('if the policies cannot be read, nobody is accused', async () => {
  const checks = await withKeys({[KEY]: [STORAGE]})
  expect(checks.map(({state}) => state)).toEqual(['ok', 'ok', 'ok', 'ok'])
  expect(checks[1]?.detail).toContain('who may use')
})
