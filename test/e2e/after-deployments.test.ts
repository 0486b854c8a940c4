import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Deployed} from '../support/deployed.ts'
import {NO_PROVIDER, unless} from '../support/terraform.ts'

// Whatever changes a deployment leaves a pipeline that doctor and plan find right, and setup leaves it deployed as it is.
const LONG = 600_000

/** Nothing is wrong, nothing is to be changed, and long files get the worker that the others get. */
async function expectRight(deployed: Deployed): Promise<void> {
  await deployed.run(['doctor'])
  await deployed.run(['plan', '--detailed-exitcode'])
  const [most] = (await deployed.revisions()).toSorted((one, other) => other.percent - one.percent)
  expect(await deployed.jobImage()).toBe(most?.image)
}

describe.each(['local', 'gcp'] as const)('on the target %s', (target) => {
  const reason = target === 'gcp' ? NO_PROVIDER : undefined
  describe.skipIf(reason !== undefined)(`followed by doctor and plan${unless(reason)}`, () => {
    let deployed: Deployed

    beforeAll(async () => {
      deployed = await Deployed.on(target)
      await deployed.change('one ')
      await deployed.run(['setup', '--yes'])
    }, LONG)

    afterAll(() => deployed[Symbol.asyncDispose](), LONG)

    test.each<readonly [version: string, command: readonly string[]]>([
      ['two ', ['deploy']],
      ['two ', ['rollback']],
      ['three ', ['deploy', '--canary', '10']],
      ['three ', ['deploy', '--promote']],
      ['four ', ['deploy', '--no-traffic', '--tag', 'next']],
      ['four ', ['deploy']],
      ['four ', ['rollback', 'FIRST']],
    ])(
      'the worker "%s": %j',
      async (version, command) => {
        await deployed.change(version)
        const first = (await deployed.revisions()).at(-1)?.name ?? ''
        await deployed.run(command.map((word) => (word === 'FIRST' ? first : word)))
        await expectRight(deployed)

        const before = await deployed.revisions()
        await deployed.run(['setup', '--yes'])
        expect(await deployed.revisions()).toEqual(before)
        await expectRight(deployed)
      },
      LONG,
    )

    test(
      'setup with a changed worker while the traffic stays at a revision: said, and not what rollback goes to',
      async () => {
        await deployed.change('five ')
        const before = await deployed.revisions()
        const set = await deployed.run(['setup', '--yes'])
        const [newest, ...others] = await deployed.revisions()
        expect(set).toContain(`Revision ${newest?.name ?? ''} is newer`)
        expect([newest?.percent, others]).toEqual([0, before])
        await expectRight(deployed)

        await deployed.change('six ')
        await deployed.run(['deploy'])
        await deployed.run(['rollback'])
        const back = (await deployed.revisions()).find(({percent}) => percent === 100)
        expect(back?.name).toBe(before[0]?.name)
        await expectRight(deployed)
      },
      LONG,
    )
  })
})
