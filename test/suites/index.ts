import {execFileSync, spawnSync} from 'node:child_process'
import {existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join, resolve} from 'node:path'
import {parseArgs} from 'node:util'
import {countsOf} from './counts.ts'
import {SUITES} from './suites.ts'

/**
 * The suites by which Google tests its own clients, unmodified, against the local cloud:
 * `npm run suites -- [NAME…]`. Each is fetched and built once, in the folder `SUITES` (by default `google-suites`
 * beside the project), which also gets the logs. Every suite gets a local cloud of its own.
 */
const PROJECT = 'cloud-runner-local'
const RUN = join(import.meta.dirname, '../../bin/run.js')
const FOLDER = resolve(process.env['SUITES'] ?? join(import.meta.dirname, '../../../google-suites'))

const {positionals} = parseArgs({allowPositionals: true})
const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name))
if (unknown !== undefined)
  throw new Error(`${unknown} is not one of the suites ${SUITES.map(({name}) => name).join(', ')}.`)
mkdirSync(FOLDER, {recursive: true})

const rows: Record<string, object> = {}
for (const suite of SUITES.filter(({name}) => positionals.length === 0 || positionals.includes(name))) {
  const folder = join(FOLDER, suite.folder)
  if (!existsSync(folder)) {
    console.log(`${suite.name}: fetching and building it in ${folder}`)
    for (const command of [suite.fetch, suite.build])
      execFileSync('sh', ['-ec', command], {cwd: suite.build === command ? folder : FOLDER, stdio: 'inherit'})
  }
  const log = join(FOLDER, `${suite.name}.log`)
  console.log(`${suite.name}: ${suite.run}\n  → ${log}`)
  inLocalCloud(`cd "${folder}"; ${suite.run}`, log)
  rows[suite.name] = countsOf(readFileSync(log, 'utf8'))
}
console.table(rows)

/** Runs a shell command under `local exec`, as a service account that may do everything, with its key in `KEY`. */
function inLocalCloud(command: string, log: string): void {
  const cwd = mkdtempSync(join(tmpdir(), 'google-suite-'))
  const output = openSync(log, 'w')
  const local = (...args: readonly string[]): unknown =>
    spawnSync(process.execPath, [RUN, 'local', ...args], {
      cwd,
      env: {...process.env, PROJECT, KEY: join(cwd, 'key.json')},
      stdio: ['ignore', output, output],
    })
  try {
    local('exec', '--', process.execPath, join(import.meta.dirname, 'issue-key.ts'))
    local('exec', '--', 'sh', '-ec', command)
  } finally {
    local('stop')
    rmSync(cwd, {recursive: true, force: true})
  }
}
