import {execFile} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {expect, it} from 'vitest'
import {PLANTED} from './planted.ts'

const PROGRAM = fileURLToPath(new URL('index.ts', import.meta.url))

function run(...args: string[]): Promise<{code: number; output: string}> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], {maxBuffer: 64 * 1024 * 1024}, (error, stdout, stderr) => {
      resolve({code: error === null ? 0 : Number(error.code), output: stdout + stderr})
    })
  })
}

/** The log of one seed. */
function logOf(output: string, seed: number): string {
  const begin = output.indexOf(` seed ${seed},`)
  const end = output.indexOf(` seed ${seed + 1},`)
  return output
    .slice(begin, end < 0 ? undefined : end)
    .split('\n')
    .slice(0, -3)
    .join('\n')
}

it('holds every invariant in forty simulated pipelines with faults', async () => {
  const {code, output} = await run('--count', '40')
  expect({code, output}).toEqual({code: 0, output: '40 seeds from 1, 0 with violations\n'})
})

it('writes the same log for the same seed, whatever was simulated before', async () => {
  const alone = await run('--seed', '5', '--log')
  const again = await run('--seed', '5', '--log')
  const later = await run('--seed', '4', '--count', '2', '--log')
  expect(logOf(alone.output, 5).split('\n').length).toBeGreaterThan(10)
  expect(again.output).toBe(alone.output)
  expect(logOf(later.output, 5)).toBe(logOf(alone.output, 5))
})

it.each(Object.keys(PLANTED))('finds the planted bug: %s', async (bug) => {
  const {code, output} = await run('--bug', bug, '--count', '200')
  expect(output).toMatch(/^seed \d+: /m)
  expect(code).toBe(1)
})
