import {describe, expect, test} from 'vitest'
import {compileFilter} from '../../../../src/local-cloud/logging/filter/match.ts'
import type {LogEntry} from '../../../../src/local-cloud/logging/log-sink.ts'
import {ApiError} from '../../../../src/local-cloud/wire/api-error.ts'

const entry: LogEntry = {
  logName: 'projects/p/logs/run.googleapis.com%2Fstdout',
  resource: {type: 'cloud_run_revision', labels: {service_name: 'worker', location: 'europe-west3'}},
  timestamp: '2026-11-22T10:00:00.5Z',
  severity: 'WARNING',
  insertId: 'b2',
  labels: {object: 'Folder/june.csv', 'logging.googleapis.com/x': 'y'},
  jsonPayload: {
    message: 'Read 1000 rows',
    rows: 1000,
    name: {last: 'Smith'},
    steps: [{name: 'read'}, {name: 'fit'}],
    tags: ['a', 'b'],
    ok: true,
    nothing: null,
    code: '500',
  },
  httpRequest: {status: 503, latency: '1.250s', requestSize: '2048', remoteIp: '10.1.2.30'},
}

const matches = (filter: string): boolean => compileFilter(filter).matches(entry)

function refusalOf(filter: string): unknown {
  try {
    compileFilter(filter)
    return undefined
  } catch (error) {
    return error
  }
}

/** What each means is from https://cloud.google.com/logging/docs/view/logging-query-language. */
describe('a filter', () => {
  test.each([
    // Text: case does not matter, `:` is part of.
    ['labels.object="folder/JUNE.csv"', true],
    ['labels.object=june.csv', false],
    ['labels.object:june.csv', true],
    ['jsonPayload.message:"1000 ROWS"', true],
    ['labels."logging.googleapis.com/x"=y', true],
    ['labels."logging.googleapis.com/x" = "n"', false],
    ['resource.type=cloud_run_revision resource.labels.service_name=worker severity>=DEFAULT', true],
    ['log_name="projects/p/logs/run.googleapis.com%2Fstdout"', true],
    ['log_id("run.googleapis.com/stdout") severity>=WARNING', true],
    ['NOT log_id("stdout")', true],
    ['log_id("run_googleapis.com/stdout")', false],
    ['regexp(jsonPayload.message, "^Read \\d+ rows$")', true],
    ['regexp(jsonPayload.message, "^rows")', false],
    ['ip_in_net(httpRequest.remoteIp, "10.1.2.0/24")', true],
    ['ip_in_net(httpRequest.remoteIp, "10.1.3.0/24")', false],
    ['ip_in_net(httpRequest.remoteIp, "2001:db8::/32")', false],
    ['ip_in_net(jsonPayload.message, "0.0.0.0/0")', false],
    ['sample(insertId, 1)', true],
    ['sample(insertId, 0.000001)', false],
    // Severity by its order and in any case.
    ['severity>=warning', true],
    ['severity>WARNING', false],
    ['severity=400', true],
    ['severity<ERROR', true],
    ['severity>=LOUD', false],
    // Times are compared as times.
    ['timestamp>="2026-11-22T11:00:00.4+01:00"', true],
    ['timestamp>="2026-11-22T10:00:00.500000001Z"', false],
    ['timestamp="2026-11-22T10:00:00.500Z"', true],
    ['timestamp>=2026-11-22 timestamp<"2026-11-23"', true],
    ['timestamp>="yesterday"', false],
    ['timestamp<"yesterday"', false],
    // Numbers, durations, booleans, null: the filter's value takes the type of the entry's.
    ['httpRequest.status>=500', true],
    ['httpRequest.status:503', true],
    ['httpRequest.requestSize>1e3', true],
    ['httpRequest.latency>1s', true],
    ['httpRequest.latency<1250ms', false],
    ['jsonPayload.rows>999', true],
    ['jsonPayload.rows="1000"', true],
    ['jsonPayload.rows=-1000', false],
    ['jsonPayload.rows>many', false],
    ['jsonPayload.rows!=many', false],
    ['jsonPayload.code>400', true],
    ['jsonPayload.ok=TRUE', true],
    ['jsonPayload.ok!=false', true],
    ['jsonPayload.nothing=NULL_VALUE', true],
    ['jsonPayload.rows=NULL_VALUE', false],
    // Missing: every comparison fails, so NOT of one holds.
    ['jsonPayload.absent!=x', false],
    ['NOT jsonPayload.absent=x', true],
    ['labels.absent!=x', false],
    ['-labels.absent=x', true],
    ['jsonPayload.absent:*', false],
    ['jsonPayload.rows:*', true],
    ['labels.object:*', true],
    ['labels.object:"*"', false],
    // LogEntry's own fields have defaults.
    ['trace=""', true],
    ['trace!=x', true],
    ['trace:*', false],
    ['httpRequest.cacheHit=false', true],
    ['httpRequest.responseSize=0', true],
    // Lists and objects: any of it.
    ['jsonPayload.tags=b', true],
    ['jsonPayload.steps.name=fit', true],
    ['jsonPayload.steps.name=predict', false],
    ['jsonPayload.name.last=smith', true],
    ['jsonPayload:smith', true],
    ['labels:object', true],
    ['resource.labels:europe', true],
    // Regular expressions look at the case and anywhere in the text.
    ['jsonPayload.message=~"^Read \\d+"', true],
    ['jsonPayload.message=~"^Read \\\\d+"', true],
    ['jsonPayload.message=~"^read"', false],
    ['jsonPayload.message=~"(?i)^read"', true],
    ['jsonPayload.message!~"^read"', true],
    ['jsonPayload.absent!~"x"', false],
    ['labels.object=~"june\\.csv$"', true],
    // A text alone is searched for everywhere.
    ['june', true],
    ['"1000 rows"', true],
    ['Europe', true],
    ['july', false],
    ['june july', false],
    ['june OR july', true],
    // OR binds tighter than AND, also where AND is left out; NOT binds tightest.
    ['june OR june AND july', false],
    ['july AND june OR june', false],
    ['july june OR june', false],
    ['(june OR june) AND NOT july', true],
    ['NOT july OR july', true],
    ['NOT (july OR june)', false],
    ['NOT NOT june', true],
    ['"a" OR NOT "zzz" AND NOT "zzz" OR "d"', true],
    ['-july', true],
    ['-(june)', false],
    // Several values.
    ['severity=(ERROR OR WARNING)', true],
    ['severity=(ERROR OR INFO)', false],
    ['jsonPayload.message:(read AND rows)', true],
    ['jsonPayload.message:(read AND NOT rows)', false],
    ['labels.object:(june -july)', true],
    // Keywords are in capitals, comments end with the line, white space is free.
    ['june and', false],
    ['june -- AND july', true],
    ['-- all of it\n  severity >= ERROR\n\tOR -- either\n  june', true],
    ['', true],
    ['  ', true],
    ['"AND"', false],
  ])('%s: %s', (filter, expected) => {
    expect(matches(filter)).toBe(expected)
  })

  test.each([
    [
      'severity>=',
      'INVALID_ARGUMENT',
      /expected a value after '>=', found the end of the filter at line 1, column 11/,
    ],
    ['a AND\n  (b OR', 'INVALID_ARGUMENT', /line 2, column 8/],
    ['OR a', 'INVALID_ARGUMENT', /found token 'OR' at line 1, column 1/],
    ['a OR AND b', 'INVALID_ARGUMENT', /token 'AND' at line 1, column 6/],
    ['(a', 'INVALID_ARGUMENT', /expected '\)', found the end/],
    ['a)', 'INVALID_ARGUMENT', /found token '\)' at line 1, column 2/],
    ['textPayload="a', 'INVALID_ARGUMENT', /unterminated string.*column 13/],
    ['insertId = abc:def', 'INVALID_ARGUMENT', /needs quotes, found token ':' at line 1, column 15/],
    ['thud=1', 'INVALID_ARGUMENT', /'thud' is not a field of LogEntry, at line 1, column 1/],
    ['operation.thud=1', 'INVALID_ARGUMENT', /'operation\.thud' is not a field/],
    ['severity=INFO textPayload.thud=1', 'INVALID_ARGUMENT', /'textPayload\.thud' is not a field.*column 15/],
    ['resource=x', 'INVALID_ARGUMENT', /'resource' has fields of its own/],
    ['labels.=x', 'INVALID_ARGUMENT', /empty segment/],
    ['textPayload=~"(?=a)"', 'INVALID_ARGUMENT', /'\(\?=' is not part of RE2, at line 1, column 14/],
    ['textPayload=~"(a)\\\\1"', 'INVALID_ARGUMENT', /not part of RE2/],
    ['textPayload=~"("', 'INVALID_ARGUMENT', /invalid regular expression at line 1, column 14: /],
    ['a ! b', 'INVALID_ARGUMENT', /unexpected character '!' at line 1, column 3/],
    ['SEARCH("x")', 'UNIMPLEMENTED', /SEARCH\(\).*not implemented by the local cloud/],
    ['ip_in_net(httpRequest.remoteIp, "10.0.0.0/33")', 'INVALID_ARGUMENT', /'10.0.0.0\/33' is not a net/],
    ['sample(insertId, 2)', 'INVALID_ARGUMENT', /'2' is not a fraction/],
    ['cast(insertId, INT64)', 'UNIMPLEMENTED', /cast\(\)/],
  ])('%s is refused', (filter, status, message) => {
    expect(refusalOf(filter)).toBeInstanceOf(ApiError)
    expect(refusalOf(filter)).toMatchObject({status, message: expect.stringMatching(message)})
  })

  test('of any depth or length does no harm', () => {
    expect(refusalOf('('.repeat(10_000))).toMatchObject({
      message: expect.stringContaining('at most 100 nested parentheses'),
    })
    expect(refusalOf('- '.repeat(10_000))).toBeInstanceOf(ApiError)
    expect(refusalOf('x'.repeat(20_001))).toMatchObject({message: expect.stringContaining('at most 20000')})
    expect(refusalOf('a '.repeat(10_000))).toBeUndefined()
  })
})
