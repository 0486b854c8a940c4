import {describe, expect, test} from 'vitest'
import type {Check} from '../../../src/core/doctor/check.ts'
import {checkPrerequisites, requireAll} from '../../../src/core/doctor/prerequisites.ts'
import {AppError} from '../../../src/core/errors.ts'
import {addFault} from '../../support/fault-plan.ts'
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
      target: 'gcp',
      inputBucket: 'incoming',
    })
    const made = await fetch(`${context.endpoint}/storage/v1/b?project=another-project`, {
      method: 'POST',
      body: JSON.stringify({name: 'incoming'}),
    })
    expect(made.status).toBe(200)
    expect(failed(await checkPrerequisites(context, terraform))).toEqual([])
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
