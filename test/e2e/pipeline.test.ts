import {existsSync} from 'node:fs'
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {isAlive} from '../../src/tools/local-cloud-address.ts'
import {Cli, parseObject} from '../support/cli.ts'
import {addFault} from '../support/fault-plan.ts'
import {killProcess} from '../support/kill.ts'

// One folder, one pipeline, its commands as processes of their own, in the order in which a user meets them.
let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

describe('setup', () => {
  test('makes the pipeline: result on stdout, progress on stderr, no escapes', async () => {
    const {exitCode, stdout, stderr} = await cli.run(['setup', '--label-column', 'bankrupt'])
    expect(stderr).toMatch(/on the local target, http:\/\/127\.0\.0\.1:\d+/)
    expect(stdout).toMatch(/^The pipeline is ready\.$/m)
    expect(stdout).toMatch(/canary\s+passed in/)
    expect(stdout + stderr).not.toContain('\u001B')
    expect(exitCode).toBe(0)
    expect(await readFile(join(cli.folder, '.cloud-runner', '.gitignore'), 'utf8')).toBe('*\n')
  })

  test('again changes nothing', async () => {
    const again = await cli.json(['setup'])
    expect(again['deployed']).toBe(false)
    expect(again['resources']).not.toEqual([])
    for (const resource of Object.values(again['resources'] ?? {}))
      expect(resource).toMatchObject({action: 'none'})
  })
})

describe('a good file', () => {
  test('upload --wait shows its way, and ends with 0', async () => {
    await cli.json(['sample'])
    const {exitCode, stdout, stderr} = await cli.run(['upload', 'financial_statements.csv', '--wait'])
    expect(stdout).toMatch(/financial_statements\.csv\s+done/)
    for (const hop of ['uploaded', 'notified', 'delivered', 'processed', 'written']) {
      expect(stdout).toMatch(new RegExp(`^${hop}\\s+\\d\\d:\\d\\d:\\d\\d`, 'm'))
    }
    expect([exitCode, stdout.includes('\u001B'), stderr.includes('Warning')]).toEqual([0, false, false])
  })

  test('status lists it', async () => {
    const status = await cli.json(['status'])
    expect(status).toMatchObject({
      pipeline: {target: 'local', ready: true},
      files: [{object: 'financial_statements.csv', state: 'done', attempts: 1}],
      counts: {done: 1, failed: 0, dead: 0},
    })
    const {stdout} = await cli.run(['status', 'financial_statements.csv'])
    expect(stdout).toMatch(/^target\s+local, /m)
    expect(stdout).toMatch(/^delivered\s/m)
  })

  test('results shows the model and writes the file, never over another', async () => {
    const {exitCode, stdout} = await cli.run(['results', 'financial_statements.csv'])
    expect(stdout).toMatch(/^AUC\s+0\.\d{3} in \d+ folds$/m)
    expect(stdout).toContain('probability_1')
    expect(exitCode).toBe(0)

    const args = ['results', 'financial_statements.csv', '--output', 'predictions.csv']
    expect((await cli.run(args)).exitCode).toBe(0)
    const written = await readFile(join(cli.folder, 'predictions.csv'), 'utf8')
    expect(written.split('\n')[0]).toMatch(/^company_id,.*,bankrupt,prediction,probability_0,probability_1$/)

    await writeFile(join(cli.folder, 'predictions.csv'), 'mine')
    const refused = await cli.run(args)
    expect([refused.exitCode, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('--force')
    expect(await readFile(join(cli.folder, 'predictions.csv'), 'utf8')).toBe('mine')
    expect((await cli.run([...args, '--force'])).exitCode).toBe(0)
    expect(await readFile(join(cli.folder, 'predictions.csv'), 'utf8')).toBe(written)

    const piped = await cli.run(['results', 'financial_statements.csv', '--output', '-'])
    expect([piped.exitCode, piped.stdout]).toEqual([0, written])
  })

  test('logs has its lines, and none that are errors', async () => {
    const {lines} = await cli.json(['logs', 'financial_statements.csv'])
    expect(lines).toEqual(
      expect.arrayContaining([expect.objectContaining({object: 'financial_statements.csv', attempt: 1})]),
    )
    expect(await cli.json(['logs', 'financial_statements.csv', '--severity', 'error'])).toEqual({lines: []})
  })

  test('logs --tail follows the next one, from stdin, until Ctrl-C: 130', async () => {
    const tail = cli.start(['logs', '--tail', '--since', '1s'])
    await tail.shows('on the local target')
    const csv = await readFile(join(cli.folder, 'financial_statements.csv'), 'utf8')
    const shown = tail.shows('again.csv: ')
    const {uploaded} = await cli.json(['upload', '-', '--name', 'again.csv'], {stdin: csv})
    expect(uploaded).toMatchObject([{file: '-', object: 'again.csv', sizeBytes: csv.length}])
    await shown
    tail.kill('SIGINT')
    const {exitCode, stderr} = await tail.ended
    expect(exitCode).toBe(130)
    expect(stderr).not.toContain('Error')
  })
})

describe('a bad file', () => {
  test('ends upload --wait with 3, says line and column, and the next file is served', async () => {
    const lines = ['id,size,bankrupt', ...Array.from({length: 40}, (_, row) => `c${row},${row},${row % 2}`)]
    await cli.write('good.csv', lines.join('\n'))
    await cli.write('ragged.csv', [...lines, 'c99,1,0,7'].join('\n'))
    const {exitCode, stdout} = await cli.run(['upload', 'ragged.csv', 'good.csv', '--wait', '--json'])
    expect(exitCode).toBe(3)
    expect(parseObject(stdout)).toMatchObject({
      files: expect.arrayContaining([
        expect.objectContaining({
          object: 'ragged.csv',
          state: 'failed',
          attempts: 1,
          error: expect.objectContaining({line: 42}),
        }),
        expect.objectContaining({object: 'good.csv', state: 'done'}),
      ]),
    })
  })

  test('results says what is wrong, and ends with 3', async () => {
    const {exitCode, stdout} = await cli.run(['results', 'ragged.csv'])
    expect(stdout).toMatch(/^ragged\.csv: failed$/m)
    expect(stdout).toContain('line 42')
    expect(exitCode).toBe(3)
    const piped = await cli.run(['results', 'ragged.csv', '--output', '-'])
    expect(piped.stderr).toContain('line 42')
    expect([piped.exitCode, piped.stdout]).toEqual([3, ''])
  })

  test('without a header is done, and upload --wait warns of its first line', async () => {
    const rows = Array.from({length: 40}, (_, row) => `c${row},${row + 0.5},${row % 2}`)
    await cli.write('no header.csv', rows.join('\n'))
    const {stdout} = await cli.run(['upload', 'no header.csv', '--label-column', '0', '--wait'])
    expect(stdout).toMatch(/^Warning: no header\.csv: The first line looks like data, /m)
    expect(stdout).toMatch(/^Result: cloud-runner results 'no header\.csv'$/m)
  })
})

describe('mistakes', () => {
  test.each([
    [['status', 'nowhere.csv'], 1, 'nowhere.csv'],
    [['results', 'nowhere.csv'], 1, 'nowhere.csv'],
    [['logs', 'nowhere.csv'], 1, 'nowhere.csv'],
    [['upload', 'good.csv', 'ragged.csv', '--name', 'x.csv'], 2, '--name'],
    [['upload', 'good.csv', '--name', '_cloud-runner/x.csv'], 2, '_cloud-runner/'],
    [['upload', 'missing.csv'], 1, 'missing.csv'],
    [['upload', '*.parquet'], 1, '*.parquet'],
  ])('%j ends with %d', async (args, code, text) => {
    const {exitCode, stdout, stderr} = await cli.run(args)
    expect(stderr).toContain(text)
    expect([exitCode, stdout]).toEqual([code, ''])
  })

  test('an expired --timeout exits with 124, and the file continues', async () => {
    // Its first delivery is refused; the next one comes after ten seconds.
    const {endpoint} = await cli.json(['local', 'status'])
    await addFault(String(endpoint), {on: {rpc: 'run.routes.invoke'}, answer: 503, times: 1})
    await cli.json(['sample', '--rows', '50', '--output', 'late.csv'])
    const {exitCode} = await cli.run(['upload', 'late.csv', '--wait', '--timeout', '100ms'])
    expect(exitCode).toBe(124)
  })
})

test('deploy of an unchanged worker leaves the revision', async () => {
  const before = await cli.json(['status'])
  expect(await cli.json(['deploy'])).toMatchObject({unchanged: true})
  const after = await cli.json(['status'])
  expect(after['pipeline']).toEqual(before['pipeline'])
})

describe('the local cloud', () => {
  test('stops, and the next command finds everything as it was', async () => {
    const before = await cli.json(['status', 'good.csv', 'ragged.csv'])
    const stopped = await cli.json(['local', 'stop'])
    expect(stopped).toMatchObject({stopped: true, killed: false})
    expect(await cli.json(['local', 'status'])).toMatchObject({running: false})
    expect(await cli.json(['status', 'good.csv', 'ragged.csv'])).toEqual(before)
    expect((await cli.run(['results', 'good.csv'])).exitCode).toBe(0)
  })

  test('killed, it is started again at the same address', async () => {
    const before = await cli.json(['local', 'status'])
    killProcess(before['pid'])
    expect(await cli.json(['status', 'good.csv'])).toMatchObject({
      files: [{object: 'good.csv', state: 'done'}],
    })
    const after = await cli.json(['local', 'status'])
    expect(after['endpoint']).toBe(before['endpoint'])
    expect(after['pid']).not.toBe(before['pid'])
  })

  test('local start finds it running', async () => {
    const {pid} = await cli.json(['local', 'status'])
    expect(await cli.json(['local', 'start'])).toMatchObject({pid, started: false})
  })
})

describe('destroy', () => {
  test('asks, and without a terminal says the line to type', async () => {
    const {exitCode, stdout, stderr} = await cli.run(['destroy'])
    expect(stderr).toContain('cloud-runner destroy --confirm cloud-runner')
    expect(stderr).toMatch(/\d+ results? .*never downloaded/)
    expect([exitCode, stdout]).toEqual([2, ''])
  })

  test('wants the right name', async () => {
    const {exitCode, stderr} = await cli.run(['destroy', '--confirm', 'other'])
    expect(stderr).toContain('"other"')
    expect(exitCode).toBe(2)
    expect((await cli.json(['status', 'good.csv']))['counts']).toMatchObject({done: 1})
  })

  test('leaves nothing: no process, no file', async () => {
    const {pid} = await cli.json(['local', 'status'])
    const destroyed = await cli.json(['destroy', '--confirm', 'cloud-runner'])
    expect(destroyed).toMatchObject({left: [], localCloudRemoved: true})
    expect(isAlive(Number(pid))).toBe(false)
    expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
  })

  test('again has nothing to do', async () => {
    expect((await cli.run(['destroy', '--confirm', 'cloud-runner'])).exitCode).toBe(0)
  })
})
