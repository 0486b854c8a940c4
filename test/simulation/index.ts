import {spawnSync} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {parseArgs} from 'node:util'
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

if (values.planted) process.exit(findPlanted())

if (values.bug !== undefined && PLANTED[values.bug] === undefined)
  throw new Error(`No planted bug is "${values.bug}"; there are:\n${Object.keys(PLANTED).join('\n')}`)
simulateHost(values.bug === undefined ? undefined : PLANTED[values.bug])
const {simulate} = await import('./simulate.ts')
replaceGlobals()
// What no promise's reader takes ends the local cloud's real process.
process.on('unhandledRejection', (error) => {
  if (!(error instanceof Crash)) theWorld().violate(`unhandled rejection: ${describe(error)}`)
})

const first = Number(values.seed)
const count = Number(values.count)
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
