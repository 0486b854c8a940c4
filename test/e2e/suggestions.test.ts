import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

// What is suggested is typed as it stands, so it must be about the pipeline that was asked about.
let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

const SELECTIONS = [
  ['--pipeline', 'other'],
  ['--project', 'my-project-123', '--target', 'local'],
  ['--pipeline=other', '--target=local', '--project=my-project-123'],
  [],
].map((typed) => {
  const words = typed.flatMap((word) => word.split('='))
  const order = ['--target', '--project', '--pipeline'].filter((flag) => words.includes(flag))
  const printed = order.map((flag) => ` ${flag} ${words[words.indexOf(flag) + 1] ?? ''}`).join('')
  return {typed, printed}
})

test.each(SELECTIONS)(
  '`status $typed` before any setup suggests `setup$printed`',
  async ({typed, printed}) => {
    const suggestions = [
      `Create one: cloud-runner setup${printed}`,
      'Or change to the folder where you created it.',
    ]
    const [text, json] = [await cli.run(['status', ...typed]), await cli.run(['status', ...typed, '--json'])]
    expect([text.exitCode, text.stdout]).toEqual([1, ''])
    for (const line of suggestions) expect(text.stderr).toContain(`  ${line}\n`)
    expect([json.exitCode, json.stderr]).toEqual([1, ''])
    expect(JSON.parse(json.stdout)).toMatchObject({error: {code: 'not-set-up', suggestions}})
  },
)

test('what selects no pipeline gets no flags', async () => {
  const {stderr} = await cli.run(['init', '', '--pipeline', 'other', '--project', 'my-project-123'])
  expect(stderr).toContain('  cloud-runner init my-worker\n')
  expect((await cli.run(['local', 'status', '--pipeline', 'other'])).stdout).toContain(
    'Start it: cloud-runner local start\n',
  )
})

test('doctor fixes the pipeline that it examined, as text and as JSON', async () => {
  await cli.json(['local', 'start'])
  const typed = ['doctor', '--pipeline', 'other', '--project', 'my-project-123', '--target', 'local']
  const fix = 'cloud-runner setup --target local --project my-project-123 --pipeline other'
  expect((await cli.run(typed)).stdout).toContain(`    ${fix}\n`)
  const {exitCode, stdout} = await cli.run([...typed, '--json'])
  expect(exitCode).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({checks: [{name: 'pipeline', state: 'failed', fix}]})
})
