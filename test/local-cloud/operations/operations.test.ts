import {describe, expect, it, onTestFinished} from 'vitest'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {createOperations} from '../../../src/local-cloud/operations/operations.ts'
import {operationsSchema} from '../../../src/local-cloud/operations/schema.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import {ApiError} from '../../../src/local-cloud/wire/api-error.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const PARENT = 'projects/p/locations/r'
const TYPE = 'google.cloud.run.v2.Service'

async function start(folder: string, clock = new ManualClock()) {
  const stack = new AsyncDisposableStack()
  onTestFinished(() => stack.disposeAsync())
  const state = stack.use(await openState({folder, schemas: [iamSchema, operationsSchema]}))
  const operations = createOperations({
    state,
    clock,
    access: createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}}),
  })
  const server = createServerOf({
    routes: operations.routes,
    services: operations.services,
    report: () => undefined,
  })
  const listener = await server.listen(0, () => 'owner')
  stack.defer(() => listener.close())
  const call = async (method: string, path: string): Promise<unknown> =>
    (await fetch(`${listener.origin}/v2/${path}`, {method})).json()
  return {clock, operations, call, stop: () => stack.disposeAsync()}
}

describe('a long-running operation', () => {
  it('is answered done where the work ends in time', async () => {
    const {operations, call} = await start(await temporaryFolder())
    const done = await operations.run({parent: PARENT, type: TYPE, metadata: {name: 's'}}, async () => ({
      name: 's',
      uri: 'u',
    }))
    expect(done).toMatchObject({
      done: true,
      response: {'@type': `type.googleapis.com/${TYPE}`, name: 's', uri: 'u'},
    })
    expect(await call('GET', done.name)).toEqual(done)
    expect(await call('DELETE', done.name)).toEqual({})
    expect(await call('GET', done.name)).toMatchObject({error: {status: 'NOT_FOUND'}})
  })

  it('is answered unfinished after a second, and can be waited for', async () => {
    const {operations, call, clock} = await start(await temporaryFolder())
    const work = Promise.withResolvers<object>()
    const answer = operations.run({parent: PARENT, type: TYPE, metadata: {name: 's'}}, () => work.promise)
    await expect.poll(() => call('GET', `${PARENT}/operations`)).toHaveProperty('operations')
    await clock.advance(1000)
    const begun = await answer
    expect(begun.done).toBeUndefined()
    expect(await call('GET', begun.name)).toEqual(begun)
    const waiting = call('POST', `${begun.name}:wait`)
    work.resolve({name: 's', ready: true})
    expect(await waiting).toMatchObject({name: begun.name, done: true, response: {ready: true}})
  })

  it('ends with the error of its work', async () => {
    const {operations} = await start(await temporaryFolder())
    const failed = await operations.run({parent: PARENT, type: TYPE, metadata: {}}, async () => {
      throw new ApiError('FAILED_PRECONDITION', 'not ready')
    })
    expect(failed).toMatchObject({done: true, error: {code: 9, message: 'not ready'}})
    expect(failed).not.toHaveProperty('response')
  })

  it('that a stop cut off says so after the restart', async () => {
    const folder = await temporaryFolder()
    const first = await start(folder)
    const answer = first.operations.run(
      {parent: PARENT, type: TYPE, metadata: {name: 's'}},
      () => new Promise(() => undefined),
    )
    await expect.poll(() => first.call('GET', `${PARENT}/operations`)).toHaveProperty('operations')
    await first.clock.advance(1000)
    const {name} = await answer
    await first.stop()
    const second = await start(folder)
    expect(await second.call('GET', name)).toMatchObject({
      done: true,
      error: {code: 14, message: expect.stringContaining('stopped')},
    })
  })
})
