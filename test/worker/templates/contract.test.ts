import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {Agent, request as sendRequest} from 'node:http'
import {connect} from 'node:net'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {execa} from 'execa'
import {describe, expect, it, onTestFinished} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {startServer} from '../../support/answering-server.ts'
import {pushEnvelope} from '../../support/push-envelope.ts'
import {missing} from '../../support/tool.ts'
import {startTemplate, TEMPLATES} from '../../support/template-worker.ts'
import {startWorkerProcess} from '../../support/worker-process.ts'

const NO_PYTHON = missing('python3')
const ORDERS = '{"quantity": 3, "price": 0.5}\n{"quantity": 2, "price": 2.75}\n'
const TOKEN_PATH = '/computeMetadata/v1/instance/service-accounts/default/token'
const errorOf = (object: string): string => sidecarObject(object, 'error.json')

const PYTHON = {file: join(TEMPLATES, 'python', 'main.py'), program: 'python3'}
const PATIENT = {
  file: join(import.meta.dirname, '../../fixtures/workers/patient.py'),
  program: 'python3',
}

describe.each([
  {name: 'container', file: join(TEMPLATES, 'container', 'server.mjs'), reason: undefined},
  {name: 'python', ...PYTHON, reason: NO_PYTHON},
])('the template $name', ({reason, ...template}) => {
  it.skipIf(reason !== undefined)(
    `listens where HOST says, and answers its front end only${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template, {HOST: '127.0.0.2', FRONT_END_SECRET: 'secret'})
      const url = running.url.replace('127.0.0.1', '127.0.0.2')
      const post = (headers: Record<string, string>) =>
        fetch(url, {method: 'POST', body: '{}', headers}).then(({status}) => status)
      expect(await post({})).toBe(403)
      expect(await post({'x-front-end-secret': 'guessed'})).toBe(403)
      expect(await post({'x-front-end-secret': 'secret'})).toBe(204)
      await expect(fetch(running.url)).rejects.toThrow('fetch failed')
    },
  )

  it.skipIf(reason !== undefined)(
    `makes a result of its generation, once; a fault is recorded, and a later success removes it${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template)
      const name = 'dir/ä b.jsonl'
      const first = await running.upload(name, ORDERS)
      expect(await running.deliver(name, first, {attempt: 2})).toBe(204)
      expect(await running.deliver(name, first)).toBe(204)
      const result = await running.text(running.output(name))
      expect(
        result
          ?.trim()
          .split('\n')
          .map((line) => JSON.parse(line).total),
      ).toEqual([1.5, 5.5])
      expect(await running.metadataOf(running.output(name))).toMatchObject({
        'source-generation': first,
        attempt: '2',
      })

      const bad = await running.upload(name, `${ORDERS}{"quantity": "many"}\n`)
      expect(await running.deliver(name, bad)).toBe(204)
      expect(await running.deliver(name, bad)).toBe(204)
      expect(await running.text(running.output(name))).toBe(result)
      const fault = running.output(errorOf(name))
      expect(JSON.parse((await running.text(fault)) ?? '')).toMatchObject({
        code: 'not-an-order',
        message: expect.stringMatching(/order/),
        object: name,
        generation: bad,
      })
      expect(await running.metadataOf(fault)).toMatchObject({'source-generation': bad})

      expect(await running.deliver(name, await running.upload(name, ORDERS))).toBe(204)
      expect(await running.text(fault)).toBeUndefined()
      expect(await running.deliver(name, first)).toBe(204)
      const expected = ['done', 'duplicate', 'failed', 'duplicate', 'done']
      expect(running.outcomes().slice(0, 5)).toEqual(expected)
      expect(['superseded', 'duplicate']).toContain(running.outcomes()[5])
      expect(running.worker.lines.find(({outcome}) => outcome === 'done')).toMatchObject({
        'logging.googleapis.com/labels': {bucket: 'input', object: name, generation: first, attempt: '2'},
      })
      expect(running.worker.stderr()).toBe('')
    },
  )

  it.skipIf(reason !== undefined)(
    `acknowledges what is no file and refuses what storage does not give, which then comes again${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template)
      const post = async (body: string) => (await fetch(running.url, {method: 'POST', body})).status
      expect([await post('{'), await post('[]'), await post('{"message": {}}')]).toEqual([204, 204, 204])
      expect(await running.deliver('folder/', await running.upload('folder/', ''))).toBe(204)
      const result = await running.upload('result', ORDERS, {'source-generation': '1'})
      expect(await running.deliver('result', result)).toBe(204)
      expect(running.outcomes().at(-1)).toBe('skipped')
      const reserved = '_cloud-runner/x'
      expect(await running.deliver(reserved, await running.upload(reserved, ''))).toBe(204)
      expect((await fetch(`${running.url}/healthz`)).status).toBe(200)
      expect((await fetch(`${running.url}/nothing`)).status).toBe(404)

      const generation = await running.upload('a', ORDERS)
      running.proxy.fails = (method) => method === 'POST'
      expect(await running.deliver('a', generation)).toBe(503)
      expect(await running.text(running.output('a'))).toBeUndefined()
      running.proxy.fails = () => false
      expect(await running.deliver('a', generation, {attempt: 2})).toBe(204)
      expect(await running.metadataOf(running.output('a'))).toMatchObject({attempt: '2'})
      await running.input('b').delete({ignoreNotFound: true})
      expect(await running.deliver('b', '17')).toBe(204)
      expect(running.outcomes().slice(-3)).toEqual(['refused', 'done', 'gone'])
    },
  )

  it.skipIf(reason !== undefined)(
    `records a fault only if its bytes are the stored ones${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template)
      const lines = Buffer.from(ORDERS.repeat(50_000))
      const generation = await running.upload('a', lines)
      let reads = 0
      running.proxy.corrupts = (_, url) => url.searchParams.has('alt') && ++reads === 1 && 0
      expect(await running.deliver('a', generation)).toBe(503)
      expect(await running.text(running.output(errorOf('a')))).toBeUndefined()
      expect(await running.deliver('a', generation, {attempt: 2})).toBe(204)
      const bad = await running.upload('b', Buffer.concat([Buffer.from('{}\n'), lines]))
      expect(await running.deliver('b', bad)).toBe(204)
      expect(running.outcomes()).toEqual(['refused', 'done', 'failed'])
      expect(running.worker.lines.find(({outcome}) => outcome === 'refused')).toMatchObject({
        message: expect.stringContaining("do not match the object's MD5"),
      })
    },
  )

  it.skipIf(reason !== undefined)(
    `does again what is asked for, once, and marks the result with the request${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template)
      const file = await running.upload('a', ORDERS)
      for (const more of [{}, {reprocessId: 'r1'}, {reprocessId: 'r1'}, {}])
        expect(await running.deliver('a', file, more)).toBe(204)
      expect(running.outcomes()).toEqual(['done', 'done', 'duplicate', 'duplicate'])
      expect(await running.metadataOf(running.output('a'))).toMatchObject({'reprocess-id': 'r1'})
    },
  )

  it.skipIf(reason !== undefined)(
    `does nothing for what was cancelled after it was published, and all that is asked for later${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template)
      const generation = await running.upload('a', ORDERS)
      const before = {publishTime: new Date().toISOString()}
      const later = {publishTime: new Date(Date.now() + 60_000).toISOString()}
      const mark = running.output(errorOf('a'))
      await running.put(mark, '{}', {'source-generation': generation, cancelled: 'true'})
      for (const more of [before, {...before, reprocessId: 'r1'}, later])
        expect(await running.deliver('a', generation, more)).toBe(204)
      expect(running.outcomes()).toEqual(['cancelled', 'cancelled', 'done'])
      expect(await running.text(mark)).toBeUndefined()
    },
  )

  it.skipIf(reason !== undefined)(
    `archives or deletes what has its result, and leaves what the filter does not name${reason ?? ''}`,
    async () => {
      const filter = {FILTER_PREFIX: 'in/', FILTER_SUFFIX: '.jsonl'}
      await using archiving = await startTemplate(template, {AFTERWARDS: 'archive', ...filter})
      const name = 'in/ä.jsonl'
      const generation = await archiving.upload(name, ORDERS, {owner: 'me'})
      expect(await archiving.deliver(name, generation)).toBe(204)
      expect(await archiving.text(archiving.input(name))).toBeUndefined()
      const copy = archiving.input(`archive/${name}`)
      expect(await archiving.text(copy)).toBe(ORDERS)
      expect(await archiving.metadataOf(copy)).toEqual({owner: 'me', 'source-generation': generation})
      expect(await archiving.metadataOf(archiving.output(name))).toMatchObject({
        'source-size': String(ORDERS.length),
        'source-created': expect.stringMatching(/^20\d\d-.*Z$/),
      })
      expect(await archiving.deliver(`archive/${name}`, String(copy.metadata.generation))).toBe(204)
      expect(await archiving.deliver(name, generation)).toBe(204)
      expect(await archiving.deliver('in/a.txt', await archiving.upload('in/a.txt', ORDERS))).toBe(204)
      expect(await archiving.text(archiving.input('in/a.txt'))).toBe(ORDERS)
      expect(archiving.outcomes()).toEqual(['done', 'skipped', 'duplicate', 'skipped'])

      await using deleting = await startTemplate(template, {AFTERWARDS: 'delete'})
      const first = await deleting.upload('a', ORDERS)
      expect(await deleting.deliver('a', first)).toBe(204)
      expect(await deleting.text(deleting.input('a'))).toBeUndefined()
      await deleting.upload('a', 'newer')
      expect(await deleting.deliver('a', first)).toBe(204)
      expect(await deleting.text(deleting.input('a'))).toBe('newer')
      const bad = await deleting.upload('bad', '{}')
      expect(await deleting.deliver('bad', bad)).toBe(204)
      expect(await deleting.text(deleting.input('bad'))).toBe('{}')
    },
  )

  it.skipIf(reason !== undefined)(
    `keeps inputs if the setting is keep, and objects of others in the archive${reason ?? ''}`,
    async () => {
      await using keeping = await startTemplate(template, {AFTERWARDS: 'keep'})
      expect(await keeping.deliver('a', await keeping.upload('a', ORDERS))).toBe(204)
      expect(await keeping.text(keeping.input('a'))).toBe(ORDERS)

      await using archiving = await startTemplate(template, {AFTERWARDS: 'archive'})
      await archiving.upload('archive/a', 'theirs')
      expect(await archiving.deliver('a', await archiving.upload('a', ORDERS))).toBe(204)
      expect(await archiving.text(archiving.input('archive/a'))).toBe('theirs')
      expect(await archiving.text(archiving.input('a'))).toBe(ORDERS)
      expect(archiving.worker.lines.map(({message}) => message).join()).toContain(
        'not archived: archive/a exists',
      )
      // A newer generation replaces the pipeline's own copy.
      for (const content of [ORDERS, `${ORDERS}${ORDERS}`]) {
        expect(await archiving.deliver('b', await archiving.upload('b', content))).toBe(204)
        expect(await archiving.text(archiving.input('archive/b'))).toBe(content)
        expect(await archiving.text(archiving.input('b'))).toBeUndefined()
      }
    },
  )

  it.skipIf(reason !== undefined)(
    `answers at SIGTERM what had begun to come, and ends although the connection is kept${reason ?? ''}`,
    async () => {
      await using running = await startTemplate(template)
      const agent = new Agent({keepAlive: true})
      onTestFinished(() => agent.destroy())
      const {promise: answered, resolve, reject} = Promise.withResolvers<number | undefined>()
      // It says by "continue" that it has begun with the request.
      const headers = {'content-length': 2, expect: '100-continue'}
      const sent = sendRequest(running.url, {method: 'POST', agent, headers})
      sent.on('error', reject).on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      })
      sent.flushHeaders()
      await once(sent, 'continue')
      running.worker.kill('SIGTERM')
      await running.worker.line(({message}) => String(message).startsWith('SIGTERM'))
      sent.end('[]')
      expect(await answered).toBe(204)
      expect(await running.worker.exited).toBe(0)
    },
  )

  it.skipIf(reason !== undefined)(`ends in order at SIGTERM${reason ?? ''}`, async () => {
    await using running = await startTemplate(template)
    running.worker.kill('SIGTERM')
    expect(await running.worker.exited).toBe(0)
    expect(running.worker.stderr()).toBe('')
  })
})

describe.skipIf(NO_PYTHON !== undefined)(`the runtime of the template python${NO_PYTHON ?? ''}`, () => {
  it('answers the canary, and keeps a report', async () => {
    await using running = await startTemplate(PYTHON)
    const canary = '_cloud-runner/canary/1'
    const generation = await running.upload(canary, 'canary\n')
    expect(await running.deliver(canary, generation)).toBe(204)
    expect(JSON.parse((await running.text(running.output(canary))) ?? '')).toEqual({
      object: canary,
      generation,
      processor: 'order-totals',
      revision: null,
    })
    const file = await running.upload('a', ORDERS)
    expect(await running.deliver('a', file)).toBe(204)
    expect(running.outcomes()).toEqual(['canary', 'done'])
    const report = running.output(sidecarObject('a', 'report.json'))
    expect(JSON.parse((await running.text(report)) ?? '')).toEqual({orders: 2, sum: 7})
    const [{contentType}] = await running.output('a').getMetadata()
    expect(contentType).toBe('application/x-ndjson')
    expect(running.worker.lines.findLast(({outcome}) => outcome === 'done')).toMatchObject({
      inputBytes: ORDERS.length,
      waitMs: expect.any(Number),
      totalMs: expect.any(Number),
    })
  })

  it('streams what is large, unpacks what is stored packed, and sends again what was lost', async () => {
    await using running = await startTemplate(PATIENT)
    const large = Buffer.alloc(9 * 1024 * 1024 + 7, 'large\n')
    expect(await running.deliver('a', await running.upload('a', large))).toBe(204)
    const bytes = await running.bytes(running.output('a'))
    expect(bytes.equals(Buffer.from(large.toString().toUpperCase()))).toBe(true)

    const packed = running.input('packed')
    await packed.save(gzipSync('packed\n'), {resumable: false, metadata: {contentEncoding: 'gzip'}})
    expect(await running.deliver('packed', String(packed.metadata.generation))).toBe(204)
    expect(await running.text(running.output('packed'))).toBe('PACKED\n')

    // The first chunk of the result is refused, then its answer is lost, then that to the last one.
    let puts = 0
    running.proxy.fails = (method) => method === 'PUT' && ++puts === 1
    running.proxy.losesAnswer = (method) => method === 'PUT' && (puts === 3 || puts === 5)
    expect(await running.deliver('b', await running.upload('b', large))).toBe(204)
    expect((await running.bytes(running.output('b'))).equals(bytes)).toBe(true)
    expect(puts).toBe(6)
  })

  it.each([
    ['no gzip', Buffer.from('packed\n'.repeat(100_000))],
    ['the beginning of a gzip', gzipSync(randomBytes(1 << 20)).subarray(0, 1 << 19)],
  ])('records that what is said to be packed is %s', async (_, content) => {
    await using running = await startTemplate(PATIENT)
    const input = running.input('a')
    await input.save(content, {resumable: false, metadata: {contentEncoding: 'gzip'}})
    expect(await running.deliver('a', String(input.metadata.generation))).toBe(204)
    expect(JSON.parse((await running.text(running.output(errorOf('a')))) ?? '')).toMatchObject({
      code: 'encoding-invalid',
    })
  })

  it('removes a result that arrived corrupt, and produces it again', async () => {
    await using running = await startTemplate(PATIENT)
    const large = Buffer.alloc(9 * 1024 * 1024, 'large\n')
    const generation = await running.upload('a', large)
    let puts = 0
    running.proxy.corruptsRequest = (method) => method === 'PUT' && ++puts === 1
    expect(await running.deliver('a', generation)).toBe(503)
    expect(await running.output('a').exists()).toEqual([false])
    expect(await running.deliver('a', generation, {attempt: 2})).toBe(204)
    const bytes = await running.bytes(running.output('a'))
    expect(bytes.equals(Buffer.from(large.toString().toUpperCase()))).toBe(true)
  })

  it('finishes files in progress at SIGTERM, and accepts nothing more', async () => {
    await using running = await startTemplate(PATIENT)
    const generation = await running.upload('a', 'x', {'takes-ms': '400'})
    const status = running.deliver('a', generation)
    await running.worker.line(({message}) => message === 'began')
    running.worker.kill('SIGTERM')
    expect(await status).toBe(204)
    expect(await running.worker.exited).toBe(0)
    expect(await running.text(running.output('a'))).toBe('X')
  })

  it('works once on what is delivered twice at the same time', async () => {
    await using running = await startTemplate(PATIENT)
    const generation = await running.upload('a', 'x', {'takes-ms': '200'})
    const twice = [running.deliver('a', generation), running.deliver('a', generation)]
    expect(await Promise.all(twice)).toEqual([204, 204])
    expect(running.worker.lines.filter(({message}) => message === 'began')).toHaveLength(1)
    expect(running.outcomes().toSorted()).toEqual(['done', 'duplicate'])
  })

  it.each([
    ['that looks at its time', {}],
    ['that does not', {deaf: 'yes'}],
  ])(
    'refuses in time what takes too long, of a process %s, and writes nothing of it',
    async (_, metadata) => {
      await using running = await startTemplate(PATIENT, {DEADLINE_SECONDS: '1'})
      const generation = await running.upload('a', 'x', {'takes-ms': '1500', ...metadata})
      expect(await running.deliver('a', generation)).toBe(503)
      if ('deaf' in metadata) await running.worker.line(({message}) => message === 'waited')
      await running.deliver('b', await running.upload('b', 'x'))
      expect(await running.text(running.output('a'))).toBeUndefined()
      expect(running.outcomes()[0]).toBe('refused')
    },
  )

  it('accepts a chunked body, and notices one that is cut off', async () => {
    await using running = await startTemplate(PYTHON)
    const generation = await running.upload('a', ORDERS)
    const push = JSON.stringify(pushEnvelope({bucket: 'input', object: 'a', generation}))
    const body = new Blob([push]).stream()
    expect((await fetch(running.url, {method: 'POST', body, duplex: 'half'})).status).toBe(204)
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1')
    socket.end(
      `POST / HTTP/1.1\r\nHost: worker\r\nContent-Length: ${push.length}\r\n\r\n${push.slice(0, 20)}`,
    )
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 503 /)
    expect(running.outcomes()).toEqual(['done', 'refused'])
  })

  it('asks the metadata server for a token once, and for none if storage has another address', async () => {
    let asked = 0
    const origin = await startServer((request, response) => {
      asked += 1
      const isRight = request.headers['metadata-flavor'] === 'Google' && request.url === TOKEN_PATH
      response.writeHead(isRight ? 200 : 403)
      response.end(JSON.stringify({access_token: 'secret', expires_in: 3600, token_type: 'Bearer'}))
    })
    const code =
      'from runtime import storage; print(storage.ENDPOINT, storage._authorization(), storage._authorization())'
    const run = async (environment: Record<string, string>): Promise<string> => {
      const options = {cwd: join(TEMPLATES, 'python'), env: {PYTHONDONTWRITEBYTECODE: '1', ...environment}}
      return (await execa('python3', ['-c', code], options)).stdout
    }
    const header = "{'Authorization': 'Bearer secret'}"
    expect(await run({GCE_METADATA_HOST: new URL(origin).host})).toBe(
      `https://storage.googleapis.com ${header} ${header}`,
    )
    expect(await run({STORAGE_EMULATOR_HOST: 'http://127.0.0.1:1/'})).toBe('http://127.0.0.1:1 {} {}')
    expect(asked).toBe(1)
  })

  it('has a test of its own, which passes', async () => {
    const env = {PYTHONDONTWRITEBYTECODE: '1'}
    const {stderr} = await execa('python3', ['-m', 'unittest'], {cwd: join(TEMPLATES, 'python'), env})
    expect(stderr).toContain('Ran 2 tests')
  })

  it.each([
    [{OUTPUT_BUCKET: ''}, 'OUTPUT_BUCKET is not set'],
    [{OUTPUT_BUCKET: 'input'}, 'are both "input"'],
    [{PORT: 'http'}, 'PORT is "http"'],
    [{DEADLINE_SECONDS: '0'}, 'DEADLINE_SECONDS is "0"'],
    [{AFTERWARDS: 'burn'}, 'AFTERWARDS is "burn"'],
  ])('says which setting cannot be: %j', async (environment, message) => {
    const settings = {PORT: '0', OUTPUT_BUCKET: 'output', INPUT_BUCKET: 'input', PYTHONDONTWRITEBYTECODE: '1'}
    await using worker = startWorkerProcess(PYTHON.file, {...settings, ...environment}, 'python3')
    const {severity, message: said} = await worker.line(() => true)
    expect([severity, said]).toEqual(['CRITICAL', expect.stringContaining(message)])
    expect(await worker.exited).toBe(1)
  })
})
