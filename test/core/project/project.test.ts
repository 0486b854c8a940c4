import {describe, expect, test} from 'vitest'
import {checkPrerequisites} from '../../../src/core/doctor/prerequisites.ts'
import {inspectLoss} from '../../../src/core/destroy.ts'
import {plan} from '../../../src/core/plan.ts'
import {makeProject, planProject} from '../../../src/core/project/create.ts'
import {inspectProject, removeProject, requireRemovable} from '../../../src/core/project/delete.ts'
import {AppError} from '../../../src/core/errors.ts'
import {status} from '../../../src/core/status.ts'
import {commandsIn, NOTHING_TYPED} from '../../../src/core/suggestion.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

const PROJECT = 'made-here-123'
const LINK = {method: 'PUT', path: `/v1/projects/${PROJECT}/billingInfo`}
const CREATE = {method: 'POST', path: '/v3/projects'}
const ASKED = {create: true, billingAccount: undefined}

type Pipeline = Awaited<ReturnType<typeof startLocalPipeline>>

const start = (projects: readonly string[] = []): Promise<Pipeline> =>
  startLocalPipeline({project: PROJECT, target: 'gcp'}, {projects})

async function make(context: Pipeline): Promise<void> {
  const planned = await planProject(ASKED, context)
  if (planned === undefined) throw new Error('There is nothing to make.')
  await makeProject(planned, context)
}

/** With other billing accounts than the one of the local cloud. */
function withAccounts(context: Pipeline, ids: readonly string[]): Pipeline {
  const billingAccounts = async () => ids.map((id) => ({id, name: `account ${id}`}))
  return {...context, cloud: {...context.cloud, project: {...context.cloud.project, billingAccounts}}}
}

describe('a project is created', () => {
  test('with its label, its billing account and the first APIs; nothing is missing then', async () => {
    const context = await start()
    expect(await planProject({create: false, billingAccount: undefined}, context)).toBeUndefined()
    expect(await planProject(ASKED, context)).toMatchObject({
      create: true,
      billing: {id: '000000-000000-000000'},
      apis: expect.arrayContaining(['cloudresourcemanager.googleapis.com']),
    })
    await make(context)
    expect(await context.cloud.project.state()).toMatchObject({
      active: true,
      billing: true,
      madeFor: 'cloud-runner',
    })
    expect(await planProject(ASKED, context)).toBeUndefined()
    const checks = await checkPrerequisites(context, async () => '1.11.4')
    expect(checks.filter(({state}) => state === 'failed')).toEqual([])
  })

  test('in several runs: each continues where the previous one ended, with the flag or without', async () => {
    const context = await start()
    await addFault(context.endpoint, {on: LINK, answer: 500, times: 4})
    await expect(make(context)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`Project ${PROJECT} exists and is kept.`),
      suggestions: expect.arrayContaining(['Then run the same command again to continue.']),
    })
    expect(await planProject(ASKED, context)).toMatchObject({create: false, billing: expect.anything()})

    // The first answer is lost: what is asked for again is there, and is ours.
    await addFault(context.endpoint, {
      on: {method: 'POST', path: `/v1/projects/${PROJECT}/services:batchEnable`},
      break: true,
      afterResponseBytes: 0,
    })
    const rest = await planProject({create: false, billingAccount: undefined}, context)
    if (rest === undefined) throw new Error('Nothing was left.')
    await makeProject(rest, context)
    expect(await planProject(ASKED, context)).toBeUndefined()
  })

  test('although the first answer was lost, and although Google does not know at once whose it is', async () => {
    const context = await start()
    await addFault(context.endpoint, {on: CREATE, break: true, afterResponseBytes: 0})
    await addFault(context.endpoint, {on: LINK, answer: 403})
    await make(context)
    expect(await context.cloud.project.state()).toMatchObject({billing: true, madeFor: 'cloud-runner'})
  })
})

test('what cannot be asked of a project of one’s own is left to the list of prerequisites', async () => {
  const context = await start([PROJECT])
  const get = {method: 'GET', path: `/v1/projects/${PROJECT}`}
  await addFault(context.endpoint, {on: get, answer: 401})
  expect(await planProject({create: false, billingAccount: undefined}, context)).toBeUndefined()
  await addFault(context.endpoint, {on: get, answer: 401})
  await expect(planProject(ASKED, context)).rejects.toMatchObject({code: 'unauthenticated'})
})

test('in a new project with disabled APIs, everything will be created; existing resources are unknown', async () => {
  const context = await start()
  await make(context)
  const {cloud, pipeline, signal} = context
  await expect(
    cloud.infrastructure.apply(pipeline, {image: undefined, signal, step: context.step}),
  ).rejects.toMatchObject({code: 'api-disabled'})
  const planned = await plan(context)
  expect(planned.changes).toBe(planned.resources.length)
  await expect(inspectLoss(context)).rejects.toMatchObject({
    code: 'api-disabled',
    suggestions: [
      expect.stringMatching(/^Enable it: gcloud services enable \w+\.googleapis\.com --project \d+$/),
    ],
  })
  await expect(cloud.infrastructure.destroy(pipeline, {signal, step: context.step})).rejects.toMatchObject({
    code: 'api-disabled',
  })
  await expect(status({objects: [], limit: 1}, context)).rejects.toMatchObject({code: 'not-set-up'})
})

describe('no project is created', () => {
  test.each([
    [
      409,
      'project-taken',
      'ids are globally unique',
      'Choose another: cloud-runner setup --create-project --project ID',
    ],
    [429, 'quota-exceeded', 'nothing was created', 'Or use an existing one: cloud-runner setup --project ID'],
    [
      403,
      'permission-denied',
      'Nothing was created',
      'Or ask someone else to create it, then: cloud-runner setup --project ID',
    ],
  ] as const)('where Google answers %d: %s', async (answer, code, words, suggestion) => {
    const context = await start()
    await addFault(context.endpoint, {on: CREATE, answer, times: 4})
    await expect(make(context)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
      suggestions: expect.arrayContaining([suggestion]),
    })
    expect(await context.cloud.project.state()).toBeUndefined()
  })

  test('if one with that id exists, the user’s own', async () => {
    const context = await start([PROJECT])
    await expect(planProject(ASKED, context)).rejects.toMatchObject({
      code: 'project-exists',
      suggestions: expect.arrayContaining([`Use it as it is: cloud-runner setup --project ${PROJECT}`]),
    })
    expect(await planProject({create: false, billingAccount: undefined}, context)).toBeUndefined()
  })

  test('if one with that id was deleted', async () => {
    const context = await start()
    await make(context)
    await removeProject(context)
    await expect(planProject(ASKED, context)).rejects.toMatchObject({
      code: 'project-deleted',
      suggestions: expect.arrayContaining([expect.stringContaining(`gcloud projects undelete ${PROJECT}`)]),
    })
    const checks = await checkPrerequisites(context, async () => '1.11.4')
    expect(checks.at(-1)).toMatchObject({fix: `gcloud projects undelete ${PROJECT}`})
  })

  test.each([
    ['none', [], undefined, 'No open billing account', 1],
    ['several', ['A', 'B'], undefined, 'several billing accounts; choose the one', 2],
    ['not the one that was named', ['A', 'B'], 'C', 'Billing account C is closed', 2],
  ])('where the billing accounts are %s', async (_, ids, billingAccount, words, exitCode) => {
    const context = withAccounts(await start(), ids)
    await expect(planProject({create: true, billingAccount}, context)).rejects.toMatchObject({
      code: 'billing-account-unknown',
      message: expect.stringContaining(words),
      exitCode,
    })
    expect(
      await planProject({create: true, billingAccount: 'B'}, withAccounts(context, ['A', 'B'])),
    ).toMatchObject({billing: {id: 'B'}})
  })
})

describe('a project is deleted', () => {
  test('only if it was created for a pipeline, by its own name, and while it contains no other pipeline', async () => {
    const own = await start([PROJECT])
    const mine = await inspectProject(own)
    expect(mine).toBeUndefined()
    expect(() => requireRemovable(PROJECT, undefined, own)).toThrow(
      expect.objectContaining({code: 'project-not-ours', exitCode: 2}),
    )
    await expect(removeProject(own)).rejects.toMatchObject({code: 'project-not-ours'})
    expect(await own.cloud.project.state()).toMatchObject({active: true})

    const context = await start()
    await make(context)
    const bucket = (name: string, labels?: object) =>
      fetch(`${context.endpoint}/storage/v1/b?project=${PROJECT}`, {
        method: 'POST',
        body: JSON.stringify({name, labels}),
      })
    await bucket('state-of-terraform')
    await bucket('of-another', {'cloud-runner': 'another'})
    const made = await inspectProject(context)
    expect(made).toEqual({project: PROJECT, buckets: ['state-of-terraform'], pipelines: ['another']})
    await expect(removeProject(context)).rejects.toMatchObject({
      code: 'conflict',
      suggestions: [
        `Destroy each of them first: cloud-runner destroy --project ${PROJECT} --pipeline another`,
      ],
    })
    await fetch(`${context.endpoint}/storage/v1/b/of-another`, {method: 'DELETE'})
    if (made === 'deleted') throw new Error('It is deleted.')
    // A program that runs what it is told to run next deletes nothing by that.
    expect(() => requireRemovable('another-project', made, context)).toThrow(
      expect.toSatisfy(
        (error) =>
          error instanceof AppError &&
          error.code === 'confirmation-mismatch' &&
          commandsIn(error.suggestions, NOTHING_TYPED).length === 0,
      ),
    )
    await removeProject(context)
    expect(await inspectProject(context)).toBe('deleted')
    await removeProject(context)
  })
})
