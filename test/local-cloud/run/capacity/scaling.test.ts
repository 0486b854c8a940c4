import {describe, expect, it} from 'vitest'
import {scaleOf} from '../../../../src/local-cloud/run/capacity/scaling.ts'
import {ManualClock} from '../../../support/manual-clock.ts'
import {ECHO, LOCATION, type LocalRun, startRun} from '../local-run.ts'
import {killProcess} from '../../../support/kill.ts'

const NAME = `${LOCATION}/services/worker`

/** How many instances each revision has, by the number in its name. */
function counts({run}: LocalRun): Record<string, number> {
  const found: Record<string, number> = {}
  for (const {revision} of run.instances()) {
    const number = revision.split('-')[1] ?? ''
    found[number] = (found[number] ?? 0) + 1
  }
  return found
}

async function become(local: LocalRun, wanted: Record<string, number>): Promise<void> {
  await expect.poll(() => counts(local)).toEqual(wanted)
}

describe('the scale of a revision', () => {
  it.each([
    ['nothing set', {}, undefined, 100, [0, 100]],
    ['its own', {minInstanceCount: 2, maxInstanceCount: 5}, undefined, 100, [2, 5]],
    ['its part of the service’s', {}, {minInstanceCount: 4, maxInstanceCount: 10}, 25, [1, 3]],
    ['the larger minimum', {minInstanceCount: 3}, {minInstanceCount: 4}, 50, [3, 100]],
    ['the smaller maximum', {maxInstanceCount: 2}, {maxInstanceCount: 10}, 100, [0, 2]],
    ['only a tag', {minInstanceCount: 1, maxInstanceCount: 3}, {minInstanceCount: 9}, 0, [1, 3]],
    ['manual', {minInstanceCount: 5}, {scalingMode: 'MANUAL', manualInstanceCount: 3}, 100, [3, 3]],
    ['switched off', {}, {scalingMode: 'MANUAL', manualInstanceCount: 0}, 100, [0, 0]],
  ])('%s', (_, own, service, percent, [minInstances, maxInstances]) => {
    expect(scaleOf({scaling: own}, service, percent)).toEqual({minInstances, maxInstances})
  })
})

describe('minimum instances', () => {
  it('run without a request, are replaced when they end, and run again after a restart', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock, idleMs: 60_000})
    const image = await local.push({files: ECHO})
    await local.deploy('worker', {containers: [{image}], scaling: {minInstanceCount: 2, maxInstanceCount: 3}})
    await become(local, {'00001': 2})
    await clock.advance(300_000)
    expect(counts(local)).toEqual({'00001': 2})
    killProcess(local.run.instances()[0]?.pid)
    await become(local, {'00001': 1})
    await clock.advance(10_000)
    await become(local, {'00001': 2})
    await local.stop()
    const again = await startRun({folder: local.folder})
    await become(again, {'00001': 2})
  })

  it('of a service are split over its revisions by their traffic', async () => {
    const local = await startRun()
    const image = await local.push({files: ECHO})
    await local.deploy('worker', {containers: [{image}]}, {scaling: {minInstanceCount: 1}})
    const template = {containers: [{image, env: [{name: 'V', value: '2'}]}]}
    const update = async (besides: object): Promise<void> => {
      const service = {name: NAME, invokerIamDisabled: true, template, ...besides}
      await (await local.services.updateService({service}))[0].promise()
    }
    const [{latestReadyRevision}] = await local.services.getService({name: NAME})
    const revision = latestReadyRevision?.split('/').at(-1) ?? ''
    const traffic = [
      {type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST' as const, percent: 25},
      {type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION' as const, revision, percent: 75},
    ]
    await update({traffic, scaling: {minInstanceCount: 4}})
    await become(local, {'00001': 3, '00002': 1})
    // What is more than the maximum ends, though it is not idle for long.
    await update({traffic, scaling: {scalingMode: 'MANUAL', manualInstanceCount: 2}})
    await become(local, {'00001': 2, '00002': 1})
    await update({scaling: {scalingMode: 'MANUAL', manualInstanceCount: 0}})
    await become(local, {})
    const [{scaling, uri}] = await local.services.getService({name: NAME})
    expect((await fetch(uri ?? '')).status).toBe(429)
    expect(scaling).toMatchObject({manualInstanceCount: 0})
  })
})

it.each([
  [{minInstanceCount: 3, maxInstanceCount: 2}, /scaling\.min_instance_count.*less than or equal/],
  [{scalingMode: 'MANUAL' as const}, /manual_instance_count.*is required/],
])('scaling %o is refused', async (scaling, message) => {
  const local = await startRun()
  await expect(local.deploy('worker', {containers: [{image: 'x'}]}, {scaling})).rejects.toThrow(message)
})
