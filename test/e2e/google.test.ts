import {existsSync} from 'node:fs'
import {mkdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {startLocalCloudProcess, type LocalCloudProcess} from '../support/local-cloud-process.ts'
import {NO_PROVIDER, NO_TERRAFORM, providerConfig, unless} from '../support/terraform.ts'

// The target gcp, as processes, in the order in which a user meets it; a local cloud stands for Google.
const LONG = 300_000
const NAME = 'cloud-runner'
const PROJECT = 'my-project-123'

describe('without the prerequisites', () => {
  test('no terraform: said before anything is asked, with where to get it', async () => {
    await using cli = await Cli.create()
    await using google = await startLocalCloudProcess(join(cli.folder, 'google'))
    const environment = {CLOUD_RUNNER_GOOGLE_ENDPOINT: google.endpoint, PATH: '/nowhere'}
    const {exitCode, stdout, stderr} = await cli.run(['setup', '--project', PROJECT, '--yes'], {environment})
    expect(stderr).toContain('terraform is not on the PATH')
    expect(stderr).toContain('https://developer.hashicorp.com/terraform/install')
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(existsSync(join(cli.folder, 'cloud-runner.json'))).toBe(false)
  })

  test.skipIf(NO_TERRAFORM !== undefined)(
    `a rehearsal where the provider cannot be had${unless(NO_TERRAFORM)}`,
    async () => {
      await using cli = await Cli.create()
      const {exitCode, stdout, stderr} = await cli.run(['setup', '--rehearse'], {
        environment: {HTTPS_PROXY: 'http://127.0.0.1:1', TF_CLI_CONFIG_FILE: '/dev/null'},
      })
      expect(stderr).toContain('with the real Terraform')
      expect(stderr).toMatch(/Terraform cannot install the google provider: could not connect to registry/)
      expect([exitCode, stdout]).toEqual([1, ''])
    },
  )

  test('--rehearse is for the local target', async () => {
    await using cli = await Cli.create()
    const {exitCode, stderr} = await cli.run(['setup', '--rehearse', '--project', PROJECT])
    expect(stderr).toContain(`setup --project ${PROJECT} --rehearse --target local`)
    expect(exitCode).toBe(2)
  })
})

describe('a project of its own', () => {
  test('is created if its id does not exist, after a yes, and no other is ever deleted', async () => {
    await using cli = await Cli.create()
    await using google = await startLocalCloudProcess(join(cli.folder, 'google'), undefined, ['mine-already'])
    const environment = {CLOUD_RUNNER_GOOGLE_ENDPOINT: google.endpoint}
    const fails = async (args: readonly string[], words: string | RegExp, code: number) => {
      const {exitCode, stdout, stderr} = await cli.run(args, {environment})
      expect(stderr).toMatch(words)
      expect([exitCode, stdout]).toEqual([code, ''])
    }
    await fails(['setup', '--create-project'], '--create-project --project my-project-123', 2)
    await fails(
      ['setup', '--create-project', '--project', 'mine-already'],
      'Use it as it is: cloud-runner setup --project mine-already',
      1,
    )
    await fails(
      ['setup', '--create-project', '--project', PROJECT, '--billing-account', 'nonsense'],
      'it must look like 012345-6789AB-CDEF01',
      2,
    )
    await fails(['setup', '--billing-account', '012345-6789AB-CDEF01'], 'create-project', 2)
    await fails(
      ['destroy', '--project', 'mine-already', '--delete-project', 'mine-already', '--confirm', NAME],
      'cloud-runner did not create project',
      2,
    )
    expect(existsSync(join(cli.folder, 'cloud-runner.json'))).toBe(false)
  })
})

describe.skipIf(NO_PROVIDER !== undefined)(
  `with the real terraform and provider${unless(NO_PROVIDER)}`,
  () => {
    let cli: Cli
    let google: LocalCloudProcess
    let environment: Record<string, string>

    beforeAll(async () => {
      cli = await Cli.create()
      await mkdir(join(cli.folder, 'google'))
      google = await startLocalCloudProcess(join(cli.folder, 'google'), undefined, [])
      environment = {
        CLOUD_RUNNER_GOOGLE_ENDPOINT: google.endpoint,
        TF_CLI_CONFIG_FILE: providerConfig(join(cli.folder, 'google')),
      }
    })

    afterAll(async () => {
      await google[Symbol.asyncDispose]()
      await cli[Symbol.asyncDispose]()
    })

    test('setup without a terminal says what it would make, and the line to type: the project', async () => {
      const command = ['setup', '--create-project', '--project', PROJECT]
      const {exitCode, stdout, stderr} = await cli.run(command, {environment})
      expect(stderr).toContain(
        'Project my-project-123 will be created and labelled as created by cloud-runner',
      )
      expect(stderr).toContain('Type: cloud-runner setup --create-project --project my-project-123 --yes')
      expect([exitCode, stdout]).toEqual([2, ''])
      expect(existsSync(join(cli.folder, 'cloud-runner.json'))).toBe(false)
    })

    test(
      'the project is created; interrupted right after, setup continues: the plan, and the line to type',
      async () => {
        const made = cli.start(['setup', '--create-project', '--project', PROJECT, '--yes'], {environment})
        await made.shows('Look for Terraform')
        made.kill('SIGINT')
        expect(await made.ended).toMatchObject({exitCode: 130, stdout: ''})

        const {exitCode, stdout, stderr} = await cli.run(['setup'], {environment})
        expect(stderr).toContain('on Google Cloud, project my-project-123')
        expect(stderr).toMatch(/\+ bucket\s+my-project-123-cloud-runner-input$/m)
        expect(stderr).toMatch(
          /roles\/storage\.objectViewer on bucket .*: cloud-runner-worker@my-project-123/,
        )
        expect(stderr).toContain('Type: cloud-runner setup --yes')
        expect([exitCode, stdout]).toEqual([2, ''])
      },
      LONG,
    )

    test(
      'interrupted halfway, the same command continues',
      async () => {
        const first = cli.start(['setup', '--yes'], {environment})
        await first.shows('Create service account')
        first.kill('SIGINT')
        const interrupted = await first.ended
        expect(interrupted.stderr).toContain('Terraform is finishing the current resource')
        expect([interrupted.exitCode, interrupted.stdout]).toEqual([130, ''])

        const {exitCode, stdout} = await cli.run(['setup', '--yes'], {environment})
        expect(stdout).toMatch(/^The pipeline is ready\.$/m)
        expect(exitCode).toBe(0)
        expect(JSON.parse(await readFile(join(cli.folder, 'cloud-runner.json'), 'utf8'))).toMatchObject({
          target: 'gcp',
          project: PROJECT,
        })
        expect(await readFile(join(cli.folder, '.cloud-runner', '.gitignore'), 'utf8')).toBe('*\n')
      },
      LONG,
    )

    test(
      'a file goes all the way; nothing is left to plan or repair',
      async () => {
        await cli.json(['sample'], {environment})
        const upload = ['upload', 'financial_statements.csv', '--label-column', 'bankrupt', '--wait']
        expect((await cli.run(upload, {environment})).exitCode).toBe(0)
        const planned = await cli.run(['plan', '--detailed-exitcode'], {environment})
        expect([planned.exitCode, planned.stdout]).toEqual([0, expect.stringContaining('Nothing to change')])
        expect(await cli.json(['doctor'], {environment})).toMatchObject({failed: 0})
      },
      LONG,
    )

    test(
      'each run stays readable and comparable; the console shows the file, and reprocesses, rolls back and cancels',
      async () => {
        const file = 'financial_statements.csv'
        const ask = (...args: string[]) => cli.json(args, {environment})
        await ask('reprocess', file, '--wait')
        const done = {outcome: 'done', image: expect.stringMatching(/^sha256:/), isSoftDeleted: false}
        expect(await ask('history', file)).toMatchObject({
          runs: [
            {...done, number: 1},
            {...done, number: 2},
          ],
        })
        expect(await ask('compare', `${file}@1`, `${file}@2`)).toMatchObject({coefficients: []})
        expect(await ask('results', file, '--run', '1')).toMatchObject({run: {number: 1}, report: {rows: {}}})
        expect(await ask('report', file, '--run', '1')).toMatchObject({object: file})

        const running = cli.start(['console', '--json', '--no-open'], {environment})
        await running.shows('"address"')
        const announced = join(cli.folder, '.cloud-runner', `console-gcp-${PROJECT}-${NAME}.json`)
        const address = new URL(String(parseObject(await readFile(announced, 'utf8'))['address']))
        const headers = {authorization: `Bearer ${address.hash.slice('#token='.length)}`}
        const call = async (method: string, path: string) =>
          parseObject(await (await fetch(new URL(path, address), {method, headers})).text())
        const page = `/api/files/${file}`
        expect(await call('GET', page)).toMatchObject({
          file: {state: 'done'},
          attempts: [{answer: 'ack'}, {answer: 'ack'}],
          runs: [{number: 1}, {number: 2}],
          model: {labelColumn: 'bankrupt'},
        })
        await call('POST', `/api/fixes/reprocess?object=${file}`)
        await expect
          .poll(() => call('GET', page), {timeout: 30_000})
          .toMatchObject({runs: [{}, {}, {number: 3}]})
        expect(await call('GET', `/api/logs?object=${file}`)).toMatchObject({lines: expect.any(Array)})
        expect(await call('GET', '/api/parts')).toMatchObject({parts: expect.any(Array)})
        const {revisions} = await call('GET', '/api/revisions')
        const [newest]: unknown[] = Array.isArray(revisions) ? revisions : []
        const {name} = parseObject(JSON.stringify(newest))
        expect(await call('POST', `/api/traffic/${String(name)}`)).toEqual({revision: name})
        expect(await call('GET', '/api/requests')).toMatchObject({
          reason: expect.stringContaining('Cloud Audit Logs'),
        })
        running.kill('SIGINT')
        expect((await running.ended).exitCode).toBe(130)
        expect(await ask('cancel', file)).toMatchObject({cancelled: []})
      },
      LONG,
    )

    test(
      'doctor names a grant that somebody took away, and the command that gives it',
      async () => {
        const path = `${google.endpoint}/v1/projects/${PROJECT}/topics/${NAME}-uploads`
        const emptied = await fetch(`${path}:setIamPolicy`, {method: 'POST', body: '{"policy": {}}'})
        expect(emptied.status).toBe(200)
        const {exitCode, stdout} = await cli.run(['doctor'], {environment})
        expect(stdout).toMatch(/^missing {2}grant: roles\/pubsub\.publisher on topic cloud-runner-uploads/m)
        expect(stdout).toMatch(
          /^ +gcloud pubsub topics add-iam-policy-binding cloud-runner-uploads --member=/m,
        )
        expect(exitCode).toBe(1)
        const planned = await cli.run(['plan', '--detailed-exitcode'], {environment})
        expect([planned.exitCode, planned.stdout]).toEqual([4, expect.stringContaining('+ 1 to create')])
      },
      LONG,
    )

    test(
      'destroy leaves nothing, says what stays, the project too, and deletes that where its id is given',
      async () => {
        const {exitCode, stdout} = await cli.run(['destroy', '--confirm', NAME], {environment})
        expect(stdout).toMatch(/was removed: \d+ resources, nothing left\./)
        expect(stdout).toContain('stay enabled')
        expect(stdout).toContain(`To delete it: cloud-runner destroy --delete-project ${PROJECT}`)
        expect(exitCode).toBe(0)
        const again = await cli.run(['destroy', '--delete-project', PROJECT], {environment})
        expect(again.stdout).toContain('Nothing to destroy')
        expect(again.stdout).toContain(`gcloud projects undelete ${PROJECT}`)
        expect(again.exitCode).toBe(0)
        const third = await cli.run(['destroy', '--confirm', NAME], {environment})
        expect([third.exitCode, third.stdout]).toEqual([0, expect.stringContaining('is deleted')])
        const setup = await cli.run(['setup', '--yes'], {environment})
        expect([setup.exitCode, setup.stderr]).toEqual([
          1,
          expect.stringContaining(`gcloud projects undelete ${PROJECT}`),
        ])
      },
      LONG,
    )
  },
)

test.skipIf(NO_PROVIDER !== undefined)(
  `a rehearsal on the local target: all by Terraform, nothing left to plan, all of it usable${unless(NO_PROVIDER)}`,
  async () => {
    await using cli = await Cli.create()
    const environment = {TF_CLI_CONFIG_FILE: providerConfig(cli.folder)}
    const {exitCode, stdout} = await cli.run(['setup', '--rehearse'], {environment})
    expect(stdout).toMatch(/canary +passed in/)
    expect(stdout).toMatch(/Nothing to change: all \d+ resources/)
    expect(exitCode).toBe(0)
    expect(await cli.json(['doctor'])).toMatchObject({failed: 0})
    expect((await cli.run(['destroy', '--confirm', NAME])).exitCode).toBe(0)
    expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
  },
  LONG,
)
