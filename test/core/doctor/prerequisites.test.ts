import {json} from 'node:stream/consumers'
import {describe, expect, onTestFinished, test} from 'vitest'
import type {Check} from '../../../src/core/doctor/check.ts'
import {checkBudget} from '../../../src/core/doctor/budget.ts'
import {checkExistingBuckets} from '../../../src/core/doctor/existing-buckets.ts'
import {checkPrerequisites, requireAll} from '../../../src/core/doctor/prerequisites.ts'
import {AppError} from '../../../src/core/errors.ts'
import {render} from '../../../src/core/suggestion.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {addFault} from '../../support/fault-plan.ts'
import {createGoogleCloud} from '../../../src/google/cloud.ts'
import {forward, startServer} from '../../support/answering-server.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

const terraform = (): Promise<string> => Promise.resolve('1.11.4')
const failed = (checks: readonly Check[]): Check[] => checks.filter(({state}) => state === 'failed')

async function startWithFault(fault?: object) {
  const context = await startLocalPipeline({project: 'my-project-123', target: 'gcp'})
  if (fault !== undefined) await addFault(context.endpoint, fault)
  return context
}

describe('before anything is created', () => {
  test('everything needed exists', async () => {
    const checks = await checkPrerequisites(await startWithFault(), terraform)
    expect(failed(checks)).toEqual([])
    expect(checks.map(({name}) => name)).toEqual([
      'Terraform',
      'credentials',
      'project',
      'billing',
      'APIs',
      'permissions',
      'names',
      'names',
    ])
    expect(() => requireAll(checks)).not.toThrow()
  })

  test('a project that the caller may not see ends it, with the command', async () => {
    const context = await startWithFault({
      on: {method: 'GET', path: '/v1/projects/my-project-123'},
      answer: 403,
      message: 'The caller does not have permission',
    })
    const checks = await checkPrerequisites(context, terraform)
    expect(checks.at(-1)).toMatchObject({name: 'project', state: 'failed'})
    expect(failed(checks)).toHaveLength(1)
  })

  test('an API that is off is named, and what comes after is looked at too', async () => {
    const context = await startWithFault({
      on: {method: 'GET', path: '/v1/projects/my-project-123/services'},
      answer: 403,
      message:
        'Service Usage API has not been used in project 1 before or it is disabled. Enable it by visiting serviceusage.googleapis.com',
    })
    const checks = await checkPrerequisites(context, terraform)
    expect(failed(checks)).toMatchObject([
      {name: 'APIs', fix: expect.stringContaining('gcloud services enable serviceusage.googleapis.com')},
    ])
    expect(checks.at(-1)).toMatchObject({name: 'names', state: 'ok'})
  })

  test('a bucket name in use elsewhere', async () => {
    const context = await startWithFault()
    const body = JSON.stringify({name: 'my-project-123-cloud-runner-input'})
    const made = await fetch(`${context.endpoint}/storage/v1/b?project=another-project`, {
      method: 'POST',
      body,
    })
    expect(made.status).toBe(200)
    expect(failed(await checkPrerequisites(context, terraform))).toMatchObject([
      {
        name: 'names',
        fix: 'cloud-runner setup --project my-project-123 --region europe-west3 --pipeline OTHER-NAME',
      },
    ])
  })

  test('an existing bucket of another project may be used', async () => {
    const context = await startLocalPipeline({
      project: 'my-project-123',
      inputBucket: 'incoming',
    })
    const made = await fetch(`${context.endpoint}/storage/v1/b?project=another-project`, {
      method: 'POST',
      body: JSON.stringify({name: 'incoming'}),
    })
    expect(made.status).toBe(200)
    expect(failed(await checkPrerequisites(context, terraform))).toEqual([])
  })

  test.each([
    [
      {retentionPolicy: {retentionPeriod: '86400'}},
      'keeps each object for 1 day',
      '--clear-retention-period',
    ],
    [{defaultEventBasedHold: true}, 'puts a hold on each new object', '--no-default-event-based-hold'],
  ])('an existing bucket that keeps its objects cannot be archived: %j', async (fields, words, fix) => {
    for (const afterwards of ['archive', 'keep']) {
      const context = await startLocalPipeline({
        project: 'my-project-123',
        inputBucket: 'incoming',
        afterwards,
      })
      const made = await fetch(`${context.endpoint}/storage/v1/b?project=another-project`, {
        method: 'POST',
        body: JSON.stringify({name: 'incoming', ...fields}),
      })
      expect(made.status).toBe(200)
      const found = failed(await checkExistingBuckets(context))
      const wanted = {detail: expect.stringContaining(words), fix: expect.stringContaining(fix)}
      expect(found).toMatchObject(afterwards === 'keep' ? [] : [wanted])
      if (afterwards === 'keep') continue
      await expect(setup({workerFolder: undefined}, context)).rejects.toMatchObject({
        code: 'prerequisites-missing',
        message: expect.stringContaining(words),
      })
      expect(await context.cloud.project.buckets()).toEqual([])
    }
  })

  test('an existing bucket needs the permissions to add grants and the notification', async () => {
    const endpoint = await startServer(({url = ''}, response) => {
      const answers = {
        '/storage/v1/b/incoming': {name: 'incoming'},
        '/storage/v1/b/incoming/iam/testPermissions': {permissions: ['storage.buckets.getIamPolicy']},
      }
      const [, answer] = Object.entries(answers).find(([path]) => url.split('?')[0] === path) ?? []
      response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}))
    })
    const context = await startLocalPipeline({
      project: 'my-project-123',
      inputBucket: 'incoming',
      outputBucket: 'missing',
    })
    const cloud = createGoogleCloud({projectId: 'p', region: 'europe-west3', endpoint})
    onTestFinished(() => cloud.close())
    expect(failed(await checkExistingBuckets({...context, cloud}))).toMatchObject([
      {
        detail: expect.stringContaining(
          'lacks storage.buckets.setIamPolicy, storage.buckets.update on incoming',
        ),
        fix: expect.stringContaining('add-iam-policy-binding gs://incoming'),
      },
      {detail: 'There is no bucket missing, which the setting outputBucket names.'},
    ])
    await addFault(context.endpoint, {on: {method: 'GET', path: '/storage/v1/b/incoming'}, answer: 403})
    expect(failed(await checkExistingBuckets(context))[0]?.detail).toContain('belongs to someone else')
  })

  test.each([
    [['monitoring.alertPolicies.create'], ['roles/monitoring.editor']],
    [['billing.resourcebudgets.write'], []],
    [['billing.resourcebudgets.write', 'billing.budgets.create'], ['roles/billing.costsManager']],
  ])('without %j, the roles %j are missing for alerts and a budget', async (lacking, roles) => {
    const context = await startLocalPipeline({
      project: 'my-project-123',
      target: 'gcp',
      alerts: 'email=ops@example.com',
      budget: 50,
    })
    const endpoint = await startServer((request, response) => {
      const answer = async () => {
        const asked: unknown[] = Object(await json(request)).permissions
        const permissions = asked.filter((permission) => !lacking.includes(String(permission)))
        response.end(JSON.stringify({permissions}))
      }
      if (request.url?.endsWith(':testIamPermissions') === true) void answer()
      else forward(request, response, context.endpoint)
    })
    const cloud = createGoogleCloud({projectId: 'my-project-123', region: 'europe-west3', endpoint})
    onTestFinished(() => cloud.close())
    const checks = await checkPrerequisites({...context, cloud}, terraform)
    const refused = failed(checks)
    expect(refused.map(({fix}) => /--role=(\S+)/.exec(fix === undefined ? '' : render(fix))?.[1])).toEqual(
      roles,
    )
    for (const {detail} of refused) expect(detail).toContain(lacking[0])
    const state = roles.includes('roles/billing.costsManager') ? 'failed' : 'ok'
    expect(checks.filter(({name}) => name === 'budget')).toMatchObject([{state}])
    // While the Cloud Billing API is disabled, the billing account is unknown, which does not block setup.
    expect(await checkBudget({billingAccount: undefined}, {...context, cloud})).toMatchObject([{state: 'ok'}])
  })

  test('everything that is missing is one error, each with its command', async () => {
    const checks = await checkPrerequisites(await startWithFault(), () =>
      Promise.reject(
        new AppError('terraform is not on the PATH.', {
          code: 'program-missing',
          suggestions: ['Install it: https://developer.hashicorp.com/terraform/install'],
        }),
      ),
    )
    expect(() => requireAll(checks)).toThrow(
      expect.objectContaining({
        code: 'prerequisites-missing',
        message: expect.stringContaining('Terraform: terraform is not on the PATH.'),
        suggestions: ['https://developer.hashicorp.com/terraform/install'],
      }),
    )
  })
})
