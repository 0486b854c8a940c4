import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {createOutsider} from '../support/outsider.ts'

async function createCli(): Promise<Cli> {
  const cli = await Cli.create()
  onTestFinished(() => cli[Symbol.asyncDispose]())
  return cli
}

describe('local env', () => {
  test('prints the same from any folder of the pipeline, and a shell that sources it reaches the local cloud', async () => {
    const cli = await createCli()
    await cli.write('cloud-runner.json', '{"region": "us-central1"}')
    const inner = join(cli.folder, 'data', 'deep')
    await mkdir(inner, {recursive: true})
    const first = await cli.run(['local', 'env'])
    expect(first.exitCode).toBe(0)
    expect(first.stdout).toContain("export GOOGLE_REGION='us-central1'\n")
    expect((await cli.run(['local', 'env'], {cwd: inner})).stdout).toBe(first.stdout)
    const json = await cli.json(['local', 'env', '--allow', 'registry.terraform.io'])
    expect(json).toMatchObject({
      endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      set: {NO_PROXY: 'localhost,127.0.0.1,::1,registry.terraform.io'},
    })
    expect(parseObject((await cli.run(['local', 'env', '--format', 'json'])).stdout)).toMatchObject({
      endpoint: json['endpoint'],
      proxy: json['proxy'],
    })
  })

  test('says which formats there are', async () => {
    const cli = await createCli()
    const {exitCode, stderr} = await cli.run(['local', 'env', '--format', 'yaml'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('it must be one of: shell, dotenv, json, terraform, gcloud.')
  })
})

describe('local exec', () => {
  test('passes arguments, standard streams and the exit code, and hides credentials', async () => {
    const cli = await createCli()
    const script = 'cat; echo "$GOOGLE_PROJECT,${GOOGLE_CREDENTIALS-none},$1"; echo aside >&2; exit 7'
    const ended = await cli.run(['local', 'exec', '--', 'sh', '-c', script, 'sh', '--json'], {
      stdin: 'given\n',
      environment: {GOOGLE_CREDENTIALS: 'secret'},
    })
    expect(ended.stdout).toBe('given\ncloud-runner-local,none,--json\n')
    expect(ended.stderr).toMatch(/aside\n$/)
    expect(ended.exitCode).toBe(7)
  })

  test('hands on a signal, once, and waits for the program to end in its own way', async () => {
    const cli = await createCli()
    await cli.run(['local', 'start'])
    const script = 'trap "echo asked; exit 5" INT; echo ready; while :; do sleep 0.05; done'
    const running = cli.start(['local', 'exec', '--', 'sh', '-c', script])
    await running.shows('ready')
    running.kill('SIGINT')
    expect(await running.ended).toMatchObject({exitCode: 5, stdout: 'ready\nasked\n'})
  })

  test('exits with 128 plus the signal that ended the program', async () => {
    const cli = await createCli()
    expect((await cli.run(['local', 'exec', '--', 'sh', '-c', 'kill -TERM $$'])).exitCode).toBe(143)
  })

  test.each([
    {args: [], exitCode: 2, says: 'needs a command to run, after --'},
    {args: ['--', 'no-such-program'], exitCode: 127, says: 'Program no-such-program not found.'},
    {args: ['--', '/'], exitCode: 126, says: '/ cannot be run'},
    {args: ['--json', '--', 'true'], exitCode: 2, says: 'local exec has no flag --json.'},
    {args: ['terraform'], exitCode: 2, says: 'cloud-runner local exec -- terraform'},
  ])('says what is wrong with $args', async ({args, exitCode, says}) => {
    const cli = await createCli()
    const ended = await cli.run(['local', 'exec', ...args])
    expect(ended.stderr).toContain(says)
    expect(ended.exitCode).toBe(exitCode)
  })

  test('what would leave the machine is refused at once, and listed', async () => {
    const cli = await createCli()
    const program =
      "const {request} = require('node:http'); const {hostname, port} = new URL(process.env.HTTPS_PROXY);" +
      "request({hostname, port, method: 'CONNECT', path: 'example.org:443'}).on('connect', ({statusCode}) => {" +
      'console.log(statusCode); process.exit()}).end()'
    const ended = await cli.run(['local', 'exec', '--', process.execPath, '-e', program])
    expect(ended.stdout).toBe('403\n')
    expect(await cli.json(['local', 'status'])).toMatchObject({
      outsideCalls: [{host: 'example.org:443', method: 'CONNECT'}],
    })
    expect((await cli.run(['local', 'status'])).stdout).toMatch(
      /would have left this machine:\n.*\n\s*example\.org:443 +1 /,
    )
  })
})

describe('local iam and local requests', () => {
  test('a call that lacks a grant is listed with the role that allows it, and audit serves it', async () => {
    const cli = await createCli()
    expect((await cli.run(['local', 'requests'])).stderr).toContain('local start')
    await cli.run(['local', 'start'])
    const {endpoint} = await cli.json(['local', 'status'])
    const call = await createOutsider(String(endpoint), 'p-test')
    const list = () => call('/v1/projects/p-test/topics')
    expect(await list()).toBe(403)
    const lines = (await cli.run(['local', 'requests', '--denied'])).stdout
    expect(lines).toMatch(
      /serviceAccount:outsider@\S+ GET \/v1\/projects\/p-test\/topics 403\n +denied pubsub\.topics\.list on projects\/p-test; grant roles\/pubsub\.viewer on\s+it to serviceAccount:outsider@/,
    )
    expect(lines).not.toContain('allowed')
    expect(await call('/v9/nothing')).toBe(400)
    expect((await cli.run(['local', 'requests'])).stdout).toMatch(
      /serviceAccount:outsider@\S+ GET \/v9\/nothing 400\n +GET \/v9\/nothing is not served by the local cloud\.\n/,
    )
    expect(await cli.json(['local', 'iam'])).toEqual({mode: 'enforce'})
    expect((await cli.run(['local', 'iam', 'audit'])).stdout).toBe('IAM of the local cloud: audit\n')
    const following = cli.start(['local', 'requests', '--denied', '--follow', '--json'])
    await following.shows('"decision":"denied"')
    expect(await list()).toBe(200)
    await following.shows('"decision":"missing"')
    expect((await cli.run(['local', 'status'])).stdout).toContain('Missing grants:')
    expect((await cli.run(['local', 'reset', '--yes'])).exitCode).toBe(0)
    expect(await call('/v1/projects/p-test/subscriptions')).toBe(403)
    await following.shows('/v1/projects/p-test/subscriptions')
    following.kill('SIGINT')
    expect((await following.ended).exitCode).toBe(130)
  })
})

describe('local reset, snapshot, time and fault', () => {
  test('return to a state, let time pass, and make calls fail', async () => {
    const cli = await createCli()
    await cli.run(['local', 'start'])
    const {endpoint} = await cli.json(['local', 'status'])
    const buckets = () => fetch(`${String(endpoint)}/storage/v1/b?project=p-test`)
    const create = () =>
      fetch(`${String(endpoint)}/storage/v1/b?project=p-test`, {method: 'POST', body: '{"name": "bucket"}'})
    await create()
    expect((await cli.run(['local', 'snapshot', 'save', 'base'])).stdout).toBe('Saved snapshot base.\n')
    const refused = await cli.run(['local', 'reset'])
    expect(refused.stderr).toMatch(
      /1 bucket with all files and results[^]*Type: cloud-runner local reset --yes/,
    )
    expect(refused.exitCode).toBe(2)
    expect(parseObject(await (await buckets()).text())).toHaveProperty('items')
    expect((await cli.run(['local', 'reset', '--yes'])).exitCode).toBe(0)
    expect((await cli.run(['local', 'reset'])).exitCode).toBe(0)
    await fetch(`${String(endpoint)}/v1/projects/p-test/topics/topic`, {method: 'PUT', body: '{}'})
    expect((await cli.run(['local', 'reset'])).exitCode).toBe(2)
    expect((await cli.run(['local', 'reset', '--yes'])).exitCode).toBe(0)
    expect(parseObject(await (await buckets()).text())).not.toHaveProperty('items')
    expect((await cli.run(['local', 'snapshot', 'load', 'base'])).exitCode).toBe(0)
    expect(parseObject(await (await buckets()).text())).toHaveProperty('items')
    const replaced = await cli.run(['local', 'snapshot', 'load', 'base'])
    expect([replaced.exitCode, replaced.stderr]).toEqual([
      2,
      expect.stringMatching(/replaced by snapshot base[^]*Type: cloud-runner local snapshot load base --yes/),
    ])
    expect((await cli.run(['local', 'snapshot', 'list'])).stdout).toBe('base\n')
    const missing = await cli.run(['local', 'snapshot', 'load', 'other'])
    expect(missing).toMatchObject({exitCode: 1, stderr: expect.stringContaining('there is base')})
    expect((await cli.run(['local', 'snapshot', 'save'])).stderr).toContain('local snapshot save before-test')

    const day = Date.now() + 24 * 3600_000
    const {time} = await cli.json(['local', 'time', 'advance', '24h'])
    expect(Math.abs(Date.parse(String(time)) - day)).toBeLessThan(60_000)
    expect((await cli.run(['local', 'status'])).stdout).toMatch(/^clock +\S+Z, 1 d ahead$/m)
    expect((await cli.run(['status'])).stderr).toContain('whose clock is 1 d ahead')
    expect((await cli.run(['local', 'time', 'advance', 'long'])).exitCode).toBe(2)

    const added = await cli.run([
      'local',
      'fault',
      'add',
      'storage.buckets.list',
      '--answer',
      '503',
      '--times',
      '2',
    ])
    expect(added.stdout).toBe('2 × answer 503 on storage.buckets.list\n')
    expect((await buckets()).status).toBe(503)
    expect((await cli.run(['local', 'fault', 'list'])).stdout).toBe(
      '1 × answer 503 on storage.buckets.list\n',
    )
    expect((await cli.run(['local', 'fault', 'clear'])).stdout).toBe('Cleared.\n')
    expect((await buckets()).status).toBe(200)
    const wrong = await cli.run(['local', 'fault', 'add', '/**', '--answer', '200'])
    expect(wrong.stderr).toContain('must be an HTTP status from 400 to 599')
  })

  test('nothing is lost by destroy that belongs to no pipeline', async () => {
    const cli = await createCli()
    await cli.run(['local', 'start'])
    const {endpoint} = await cli.json(['local', 'status'])
    const topic = `${String(endpoint)}/v1/projects/p-test/topics/topic`
    await fetch(topic, {method: 'PUT', body: '{}'})
    const destroyed = await cli.run(['destroy'])
    expect([destroyed.exitCode, destroyed.stdout]).toEqual([
      0,
      'Nothing to destroy: there is no pipeline cloud-runner on the local target.\n' +
        'The local cloud was kept: it has other resources or snapshots.\n',
    ])
    expect((await fetch(topic)).status).toBe(200)
    await cli.run(['local', 'snapshot', 'save', 'base'])
    await fetch(topic, {method: 'DELETE'})
    expect(await cli.json(['destroy'])).toMatchObject({localCloudRemoved: false})
    expect((await cli.run(['local', 'snapshot', 'list'])).stdout).toBe('base\n')
  })

  test('destroy keeps secrets that secrets.env does not have, accounts, subscriptions and restorable buckets', async () => {
    const cli = await createCli()
    const settings = {target: 'local', project: 'p-test', secrets: {API_KEY: 'api-key'}}
    await cli.write('cloud-runner.json', JSON.stringify(settings))
    await cli.run(['local', 'start'])
    await cli.write('.cloud-runner/secrets.env', 'API_KEY=value\n')
    const {endpoint} = await cli.json(['local', 'status'])
    const call = async (method: string, path: string, body?: object) => {
      const url = `${String(endpoint)}/${path}`
      const {ok} = await fetch(url, {method, ...(body === undefined ? {} : {body: JSON.stringify(body)})})
      expect([method, path, ok]).toEqual([method, path, true])
    }
    const isRemoved = async () => (await cli.json(['destroy']))['localCloudRemoved']

    const secret = {replication: {automatic: {}}}
    await call('POST', 'v1/projects/p-test/secrets?secretId=mine', secret)
    expect(await isRemoved()).toBe(false)
    await call('DELETE', 'v1/projects/p-test/secrets/mine')

    await call('POST', 'v1/projects/p-test/serviceAccounts', {accountId: 'robot-one'})
    expect(await isRemoved()).toBe(false)
    await call('DELETE', 'v1/projects/p-test/serviceAccounts/robot-one@p-test.iam.gserviceaccount.com')

    const topic = 'projects/p-test/topics/topic'
    await call('PUT', `v1/${topic}`, {})
    await call('PUT', 'v1/projects/p-test/subscriptions/orphan', {topic})
    await call('DELETE', `v1/${topic}`)
    expect(await isRemoved()).toBe(false)
    await call('DELETE', 'v1/projects/p-test/subscriptions/orphan')

    const softDeletePolicy = {retentionDurationSeconds: String(7 * 24 * 3600)}
    await call('POST', 'storage/v1/b?project=p-test', {name: 'restorable', softDeletePolicy})
    await call('DELETE', 'storage/v1/b/restorable')
    expect(await isRemoved()).toBe(false)
    await cli.run(['local', 'reset', '--yes'])

    await call('POST', 'storage/v1/b?project=p-test', {
      name: 'input',
      labels: {'cloud-runner': 'other'},
      softDeletePolicy,
    })
    await call('DELETE', 'storage/v1/b/input')
    await call('POST', 'v1/projects/p-test/secrets?secretId=api-key', secret)
    expect(await isRemoved()).toBe(true)
  })
})
