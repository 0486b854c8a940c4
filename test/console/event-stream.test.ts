import {once} from 'node:events'
import {createServer} from 'node:http'
import {expect, it, onTestFinished} from 'vitest'
import {EventStream} from '../../src/console/event-stream.ts'

const PROBLEM = {code: 'unreachable', suggestions: []}

it('resumes after the last event that a page has seen, without a gap or a repetition', async () => {
  const {stream, read} = await serve()
  const before = await read({})
  stream.send('problem', {...PROBLEM, message: 'one'})
  const [id] = await before(1)
  stream.send('problem', {...PROBLEM, message: 'two'})
  stream.send('problem', {...PROBLEM, message: 'three'})
  const after = await read({'last-event-id': id?.id ?? ''})
  expect((await after(2)).map(({data}) => data)).toEqual([
    expect.stringContaining('two'),
    expect.stringContaining('three'),
  ])
})

it.each(['0badf00d.7', 'nonsense', ''])('starts over after an id of another run: "%s"', async (id) => {
  const {read} = await serve()
  const events = await (await read({'last-event-id': id}))(2)
  expect(events.map(({event}) => event)).toEqual(['reset', 'problem'])
})

it('starts over if more was missed than is kept', async () => {
  const {stream, read} = await serve()
  stream.send('problem', {...PROBLEM, message: 'first'})
  const start = await read({})
  stream.send('problem', {...PROBLEM, message: 'seen'})
  const [seen] = await start(1)
  for (let sent = 0; sent < 3000; sent++) stream.send('problem', {...PROBLEM, message: String(sent)})
  const [event] = await (await read({'last-event-id': seen?.id ?? ''}))(1)
  expect(event?.event).toBe('reset')
})

it('starts over if what was missed is older than an hour', async () => {
  let now = 0
  const {stream, read} = await serve(() => now)
  const start = await read({})
  stream.send('problem', {...PROBLEM, message: 'seen'})
  const [seen] = await start(1)
  stream.send('problem', {...PROBLEM, message: 'missed'})
  const resumed = {'last-event-id': seen?.id ?? ''}
  expect((await (await read(resumed))(1)).map(({event}) => event)).toEqual(['problem'])
  now = 3600_001
  expect((await (await read(resumed))(1)).map(({event}) => event)).toEqual(['reset'])
})

it('sends log lines only to a page that shows them, and counts the pages', async () => {
  const {stream, read, counted} = await serve()
  const list = await read({})
  const logs = await read({}, '?logs')
  expect(counted.at(-1)).toEqual({all: 2, ofLogs: 1})
  stream.send('logs', [])
  stream.send('problem', {...PROBLEM, message: 'end'})
  expect((await list(1)).map(({event}) => event)).toEqual(['problem'])
  expect((await logs(2)).map(({event}) => event)).toEqual(['logs', 'problem'])
})

interface Received {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** A server of the stream. `read` connects a page and returns a reader of that many events after the first state. */
async function serve(now = Date.now) {
  const counted: {all: number; ofLogs: number}[] = []
  const stream = new EventStream((readers) => counted.push(readers), now)
  const server = createServer((request, response) => {
    const isResumed = request.headers['last-event-id'] !== undefined
    stream.attach(request, response, {
      wantsLogs: request.url?.endsWith('?logs') === true,
      first: isResumed ? [['problem', {...PROBLEM, message: 'now'}]] : [],
    })
    response.flushHeaders()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    stream[Symbol.dispose]()
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const read = async (headers: Record<string, string>, query = '') => {
    const {body} = await fetch(`http://127.0.0.1:${port}/api/events${query}`, {headers})
    if (body === null) throw new Error('The stream has no body')
    const reader = body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    return async (most: number): Promise<Received[]> => {
      while (text.split('\n\n').length <= most) text += (await reader.read()).value ?? ''
      return text
        .split('\n\n')
        .slice(0, most)
        .map((event) => {
          const [id = '', name = '', data = ''] = event.split('\n').map((line) => line.replace(/^\w+: /, ''))
          return {id, event: name, data}
        })
    }
  }
  return {stream, read, counted}
}
