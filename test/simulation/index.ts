import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {availableParallelism} from 'node:os'
import {text} from 'node:stream/consumers'
import {fileURLToPath} from 'node:url'
import {parseArgs} from 'node:util'
import {eachOf} from '../../src/core/parallel.ts'
import {replaceGlobals} from './host/globals.ts'
import {simulateHost} from './hooks.ts'
import {PLANTED} from './planted.ts'
import {Crash, describe, theWorld} from './world.ts'

/**
 * Simulates a pipeline with faults, a seed after the other: `npm run simulate -- --seed 7 --log`,
 * `npm run simulate -- --count 10000`; with `--planted`, one planted bug after the other until it is found.
 */
const {values} = parseArgs({
  options: {
    seed: {type: 'string', default: '1'},
    count: {type: 'string', default: '1'},
    log: {type: 'boolean', default: false},
    planted: {type: 'boolean', default: false},
    bug: {type: 'string'},
  },
})

/** In how many seeds each planted bug must be found. */
const FOUND_WITHIN = 500
/** In one process: what a world leaves behind, some 6 MB, goes with it. */
const MOST_SEEDS = 250

const first = Number(values.seed)
const count = Number(values.count)
if (values.planted) process.exit(findPlanted())
if (count > MOST_SEEDS && values.bug === undefined) process.exit(await simulateMany())

if (values.bug !== undefined && PLANTED[values.bug] === undefined)
  throw new Error(`No planted bug is "${values.bug}"; there are:\n${Object.keys(PLANTED).join('\n')}`)
simulateHost(values.bug === undefined ? undefined : PLANTED[values.bug])
const {simulate} = await import('./simulate.ts')
replaceGlobals()
// What no promise's reader takes ends the local cloud's real process.
process.on('unhandledRejection', (error) => {
  if (!(error instanceof Crash)) theWorld().violate(`unhandled rejection: ${describe(error)}`)
})

let simulated = 0
let failed = 0
for (let seed = first; seed < first + count; seed++) {
  const {lines, violations} = await simulate(seed)
  simulated += 1
  if (violations.length > 0) failed += 1
  if (values.log || (violations.length > 0 && values.bug === undefined))
    process.stdout.write(`${lines.join('\n')}\n`)
  if (violations.length > 0 && values.bug !== undefined) {
    process.stdout.write(`seed ${seed}: ${violations[0]?.split('\n', 1)[0]}\n`)
    break
  }
}
process.stdout.write(`${simulated} seeds from ${first}, ${failed} with violations\n`)
process.exit(failed > 0 ? 1 : 0)

/** Simulates in as many processes as there are processors. @returns the exit code: 0 if there is no violation */
async function simulateMany(): Promise<number> {
  const starts = Array.from({length: Math.ceil(count / MOST_SEEDS)}, (_, batch) => first + batch * MOST_SEEDS)
  let exitCode = 0
  await eachOf(starts, availableParallelism(), async (start) => {
    const range = ['--seed', String(start), '--count', String(Math.min(MOST_SEEDS, first + count - start))]
    const child = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), ...range, ...(values.log ? ['--log'] : [])],
      {stdio: ['ignore', 'pipe', 'inherit']},
    )
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
    process.stdout.write(printed)
    if (child.exitCode !== 0) exitCode = 1
  })
  return exitCode
}

/** @returns the exit code: 0 if each is found */
function findPlanted(): number {
  let missed = 0
  for (const bug of Object.keys(PLANTED)) {
    const {status, stdout, stderr} = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), '--bug', bug, '--count', String(FOUND_WITHIN)],
      {encoding: 'utf8'},
    )
    // A bug that no longer applies to the code ends with the same exit code.
    const found = status === 1 && /^seed \d+: /m.test(stdout)
    if (!found) missed += 1
    process.stdout.write(
      `${found ? 'found' : 'MISSED'}: ${bug}\n  ${(found ? stdout : stdout + stderr).trim().replaceAll('\n', '\n  ')}\n`,
    )
  }
  return missed === 0 ? 0 : 1
}
