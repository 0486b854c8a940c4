import {describe, expect, test} from 'vitest'
import {compileFilter} from '../../../src/local-cloud/logging/filter/match.ts'
import type {LogEntry} from '../../../src/local-cloud/logging/log-sink.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {startLogging} from './local-logging.ts'

/** The client asks for the last day only, unless a filter names `timestamp`. */
const today = (): ManualClock => new ManualClock(Date.now())
const DAY_MS = 24 * 3_600_000
const STDOUT = 'projects/p/logs/run.googleapis.com%2Fstdout'

function line(fields: Partial<LogEntry>): LogEntry {
  return {
    logName: STDOUT,
    resource: {type: 'cloud_run_revision', labels: {service_name: 'worker'}},
    ...fields,
  }
}

async function post(origin: string, path: string, body: object): Promise<{status: number; json: unknown}> {
  const response = await fetch(`${origin}${path}`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify(body),
  })
  return {status: response.status, json: await response.json()}
}

describe("Google's client", () => {
  test('writes and reads entries', async () => {
    const {client} = await (await startLogging({clock: today()})).listen()
    const log = client.log('my/log')
    await log.write([
      log.entry({severity: 'INFO', labels: {object: 'june.csv'}}, 'first'),
      log.entry({severity: 'ERROR', labels: {object: 'june.csv'}}, {message: 'second', rows: 1000}),
      log.entry({labels: {object: 'july.csv'}}, 'third'),
    ])

    const [entries] = await client.getEntries({filter: 'labels.object="june.csv"', orderBy: 'timestamp asc'})
    expect(entries.map(({data, metadata}) => [data, metadata.severity])).toEqual([
      ['first', 'INFO'],
      [{message: 'second', rows: 1000}, 'ERROR'],
    ])
    const [logs] = await client.getLogs()
    expect(logs.map(({formattedName_}) => formattedName_)).toContain('projects/p/logs/my%2Flog')

    await log.delete()
    expect((await client.getEntries({filter: 'labels.object:*'}))[0]).toEqual([])
    await expect(log.delete()).rejects.toMatchObject({code: 5})
  })

  test('goes through pages, forwards and backwards', async () => {
    const {logging, listen} = await startLogging({clock: today()})
    logging.sink.append(Array.from({length: 7}, (_, index) => line({textPayload: String(index)})))
    const {client} = await listen()
    const read = async (orderBy: string): Promise<unknown[]> => {
      const [entries] = await client.getEntries({
        orderBy,
        pageSize: 3,
        autoPaginate: true,
        filter: 'textPayload!="3"',
      })
      return entries.map(({data}) => data)
    }
    expect(await read('timestamp asc')).toEqual(['0', '1', '2', '4', '5', '6'])
    expect(await read('timestamp desc')).toEqual(['6', '5', '4', '2', '1', '0'])
  })

  test('tails: entries come in their order after two seconds, even if the clock is set back', async () => {
    const clock = today()
    const {logging, listen} = await startLogging({clock})
    const {client} = await listen()
    const tail = client.tailEntries({filter: 'severity>=WARNING'})
    const arrived: unknown[] = []
    tail.on('data', ({entries}: {entries: {data: unknown}[]}) =>
      arrived.push(...entries.map(({data}) => data)),
    )
    const ended = new Promise((resolve, reject) => tail.on('end', resolve).on('error', reject))

    // The stream is open once something comes through it.
    await expect
      .poll(async () => {
        logging.sink.append([line({severity: 'ERROR', textPayload: 'open', insertId: 'open'})])
        await clock.advance(2000)
        return arrived
      })
      .toContain('open')
    arrived.length = 0

    const timestamp = (second: number): string => new Date(clock.now() + second * 1000).toISOString()
    logging.sink.append([line({severity: 'WARNING', textPayload: 'later', timestamp: timestamp(1)})])
    await clock.advance(1000)
    clock.setBack(3_600_000)
    logging.sink.append([line({severity: 'ERROR', textPayload: 'earlier', timestamp: timestamp(-1)})])
    logging.sink.append([line({severity: 'INFO', textPayload: 'not asked for'})])
    await clock.advance(999)
    expect(arrived).toEqual([])
    await clock.advance(1)
    await expect.poll(() => arrived).toEqual(['earlier', 'later'])

    tail.end()
    await ended
  })
})

describe('over REST', () => {
  test('entries:list answers what entries:write took, with what was left out filled in', async () => {
    const clock = new ManualClock()
    const {origin} = await (await startLogging({clock})).listen()
    const written = await post(origin, '/v2/entries:write', {
      logName: STDOUT,
      resource: {type: 'global'},
      labels: {object: 'a.csv', attempt: '1'},
      entries: [
        {textPayload: 'one', labels: {attempt: '2'}},
        {
          jsonPayload: {message: 'two'},
          timestamp: '2025-12-31T23:00:00.5Z',
          insertId: 'x',
          severity: 'NOTICE',
        },
      ],
    })
    expect(written).toEqual({status: 200, json: {}})
    const {json} = await post(origin, '/v2/entries:list', {resourceNames: ['projects/p']})
    const received = '2026-01-01T00:00:00.000Z'
    expect(json).toEqual({
      entries: [
        {
          logName: STDOUT,
          resource: {type: 'global', labels: {}},
          labels: {object: 'a.csv', attempt: '1'},
          jsonPayload: {message: 'two'},
          timestamp: '2025-12-31T23:00:00.5Z',
          receiveTimestamp: received,
          insertId: 'x',
          severity: 'NOTICE',
        },
        {
          logName: STDOUT,
          resource: {type: 'global', labels: {}},
          labels: {object: 'a.csv', attempt: '2'},
          textPayload: 'one',
          timestamp: received,
          receiveTimestamp: received,
          insertId: expect.stringMatching(/^[0-9a-z]{14}$/),
        },
      ],
    })
  })

  test('an entry is kept once for its log, time and insert id', async () => {
    const {origin} = await (await startLogging({clock: new ManualClock()})).listen()
    const entry = line({insertId: 'once', timestamp: '2025-12-31T23:00:00Z', textPayload: 'x'})
    const same = {...entry, timestamp: '2026-01-01T00:00:00+01:00'}
    await post(origin, '/v2/entries:write', {entries: [entry, same]})
    await post(origin, '/v2/entries:write', {entries: [entry, {...entry, insertId: 'other'}]})
    const {json} = await post(origin, '/v2/entries:list', {resourceNames: ['projects/p']})
    expect(json).toMatchObject({entries: [{insertId: 'once'}, {insertId: 'other'}]})
  })

  test('one bad entry refuses them all, or itself with partialSuccess', async () => {
    const {origin} = await (await startLogging({clock: new ManualClock()})).listen()
    const entries = [
      line({textPayload: 'good'}),
      line({textPayload: 'bad', logName: 'stdout'}),
      line({textPayload: 'old', timestamp: '2025-01-01T00:00:00Z'}),
      line({textPayload: 'x'.repeat(300_000)}),
    ]
    const all = await post(origin, '/v2/entries:write', {entries})
    expect(all).toMatchObject({
      status: 400,
      json: {error: {message: expect.stringContaining('Invalid log name "stdout"')}},
    })
    const listed = (): Promise<unknown> => post(origin, '/v2/entries:list', {resourceNames: ['projects/p']})
    expect(await listed()).toEqual({status: 200, json: {entries: []}})

    const some = await post(origin, '/v2/entries:write', {entries, partialSuccess: true})
    expect(some).toMatchObject({
      status: 400,
      json: {
        error: {
          status: 'INVALID_ARGUMENT',
          details: [
            {
              '@type': 'type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors',
              logEntryErrors: {
                1: {code: 3},
                2: {code: 3},
                3: {message: expect.stringContaining('exceeds maximum size')},
              },
            },
          ],
        },
      },
    })
    expect(await listed()).toMatchObject({json: {entries: [{textPayload: 'good'}]}})
    await post(origin, '/v2/entries:write', {entries: [line({textPayload: 'dry'})], dryRun: true})
    expect(await listed()).toMatchObject({json: {entries: [{textPayload: 'good'}]}})
  })

  test.each([
    [{}, /At least one resource name/],
    [{resourceNames: ['p']}, /Invalid resource name "p"/],
    [{resourceNames: ['projects/p'], pageSize: 1001}, /page_size is 1001/],
    [{resourceNames: ['projects/p'], orderBy: 'severity'}, /Invalid order_by "severity"/],
    [{resourceNames: ['projects/p'], pageToken: 'x'}, /page_token/],
    [{resourceNames: ['projects/p'], filter: 'a =\n '}, /Unparseable filter: .* line 2, column 2/],
  ])('entries:list refuses %j', async (request, message) => {
    const {origin} = await (await startLogging({clock: new ManualClock()})).listen()
    expect(await post(origin, '/v2/entries:list', request)).toMatchObject({
      status: 400,
      json: {error: {status: 'INVALID_ARGUMENT', message: expect.stringMatching(message)}},
    })
  })

  test('a page token belongs to its query', async () => {
    const {logging, listen} = await startLogging({clock: new ManualClock()})
    logging.sink.append([line({textPayload: '1'}), line({textPayload: '2'})])
    const {origin} = await listen()
    const query = {resourceNames: ['projects/p'], pageSize: 1}
    await expect
      .poll(async () => (await post(origin, '/v2/entries:list', query)).json)
      .toHaveProperty('nextPageToken')
    const {json} = await post(origin, '/v2/entries:list', query)
    const pageToken =
      typeof json === 'object' && json !== null && 'nextPageToken' in json ? json.nextPageToken : ''
    expect((await post(origin, '/v2/entries:list', {...query, pageToken})).json).toMatchObject({
      entries: [{textPayload: '2'}],
    })
    expect(await post(origin, '/v2/entries:list', {...query, pageToken, filter: 'x'})).toMatchObject({
      status: 400,
      json: {error: {message: "page_token doesn't match arguments from the request."}},
    })
  })

  test('what the database narrows down is what the filter says, in either order', async () => {
    const clock = new ManualClock()
    const {logging, listen} = await startLogging({clock})
    const severities = ['DEFAULT', 'INFO', 'WARNING', 'ERROR']
    const entries = Array.from({length: 200}, (_, index): LogEntry =>
      line({
        insertId: String(index).padStart(3, '0'),
        timestamp: new Date(clock.now() - (index % 20) * 1000).toISOString(),
        labels: {
          object: `${index % 3 === 0 ? 'JUNE' : 'june'}-${index % 7}.csv`,
          ...(index % 2 ? {attempt: '1'} : {}),
        },
        ...(index % 5 === 0 ? {} : {severity: severities[index % 4] ?? 'INFO'}),
      }),
    )
    logging.sink.append(entries)
    const {origin} = await listen()
    const list = async (request: object): Promise<string[]> => {
      const {json} = await post(origin, '/v2/entries:list', {
        resourceNames: ['projects/p'],
        pageSize: 1000,
        ...request,
      })
      const found: unknown =
        typeof json === 'object' && json !== null && 'entries' in json ? json.entries : undefined
      return Array.isArray(found) ? found.map(({insertId}: {insertId: string}) => insertId) : []
    }
    await expect.poll(() => list({})).toHaveLength(200)
    for (const filter of [
      'labels.object="june-1.csv"',
      'labels.object="JUNE-1.CSV" labels.attempt=1',
      'labels.object="june-1.csv" OR labels.object="june-2.csv"',
      'NOT labels.object="june-1.csv"',
      'labels.object=("june-1.csv" OR "june-2.csv") severity>=INFO',
      'severity>INFO severity<=ERROR',
      'severity=DEFAULT',
      'severity!=ERROR severity>=0',
      'timestamp>="2025-12-31T23:59:50Z" AND timestamp<"2025-12-31T23:59:55Z"',
      'timestamp="2025-12-31T23:59:50Z"',
      '(timestamp>"2025-12-31T23:59:50Z" labels.attempt:*) timestamp>"2025-12-31T23:59:40Z"',
      'timestamp>"2025-12-31T23:59:55Z" labels.object="june-3.csv" severity>=WARNING',
      'timestamp>"never"',
    ]) {
      const {matches} = compileFilter(filter)
      const expected = entries
        .filter(matches)
        .toSorted((a, b) => `${a.timestamp}${a.insertId}`.localeCompare(`${b.timestamp}${b.insertId}`))
        .map(({insertId}) => insertId)
      expect({filter, found: await list({filter})}).toEqual({filter, found: expected})
      expect({filter, found: await list({filter, orderBy: 'timestamp desc'})}).toEqual({
        filter,
        found: expected.toReversed(),
      })
    }
  })

  test('only who may read logs reads them', async () => {
    const worker = 'serviceAccount:worker@p.iam.gserviceaccount.com'
    const {listen} = await startLogging({clock: new ManualClock()})
    const {origin} = await listen(worker)
    expect(await post(origin, '/v2/entries:list', {resourceNames: ['projects/p']})).toMatchObject({
      status: 403,
    })
    expect(await post(origin, '/v2/entries:write', {entries: [line({})]})).toMatchObject({status: 403})
  })
})

describe('the sink', () => {
  test('keeps what was appended, in its order, over a stop', async () => {
    const folder = await temporaryFolder()
    const clock = today()
    const before = await startLogging({clock, folder})
    before.logging.sink.append(Array.from({length: 2500}, (_, index) => line({textPayload: String(index)})))
    await before.stop()

    const {client} = await (await startLogging({clock, folder})).listen()
    const [entries] = await client.getEntries({pageSize: 1000, autoPaginate: true, orderBy: 'timestamp asc'})
    expect(entries.map(({data}) => data)).toEqual(Array.from({length: 2500}, (_, index) => String(index)))
  })

  test('entries go after thirty days', async () => {
    const clock = today()
    const {logging, listen} = await startLogging({clock})
    const {client} = await listen()
    const texts = async (): Promise<unknown[]> =>
      (await client.getEntries({orderBy: 'timestamp asc'}))[0].map(({data}) => data)
    logging.sink.append([line({textPayload: 'old', labels: {object: 'a'}})])
    await clock.advance(20 * DAY_MS)
    logging.sink.append([line({textPayload: 'young'})])
    await clock.advance(9 * DAY_MS)
    expect(await texts()).toEqual(['old', 'young'])
    await clock.advance(2 * DAY_MS)
    expect(await texts()).toEqual(['young'])
  })

  test('one file among thirty thousand entries is found at once', async () => {
    const clock = today()
    const {logging, listen} = await startLogging({clock})
    for (let file = 0; file < 6000; file++) {
      const labels = {object: `File-${file}.csv`, attempt: '1'}
      logging.sink.append(Array.from({length: 5}, (_, index) => line({textPayload: `line ${index}`, labels})))
      if (file % 1000 === 999) await clock.advance(1000)
    }
    const {client} = await listen()
    await expect
      .poll(async () => (await client.getEntries({filter: 'labels.object="file-5999.csv"'}))[0].length, {
        timeout: 20_000,
      })
      .toBe(5)
    const measure = async (filter: string): Promise<number> => {
      const begin = performance.now()
      const [entries] = await client.getEntries({filter, orderBy: 'timestamp desc'})
      expect(entries).toHaveLength(5)
      return performance.now() - begin
    }
    const indexed = await measure('labels.object="file-7.csv"')
    const scanned = await measure('labels.object=~"^File-7\\.csv$"')
    expect(indexed).toBeLessThan(scanned / 5)
  })
})
