import {describe, expect, test} from 'vitest'
import {AppError} from '../../src/core/errors.ts'
import {isTransient, retried, toAppError} from '../../src/google/errors.ts'

function thrown(message: string, fields: Record<string, unknown>): Error {
  return Object.assign(new Error(message), fields)
}

describe('one cause, one code, over both wires', () => {
  test.each([
    ['HTTP 401', thrown('Invalid Credentials', {code: 401}), 'unauthenticated'],
    ['gRPC UNAUTHENTICATED', thrown('16 UNAUTHENTICATED: x', {code: 16, details: 'x'}), 'unauthenticated'],
    [
      'no credentials on the machine',
      new Error('Could not load the default credentials.'),
      'unauthenticated',
    ],
    ['HTTP 403', thrown('denied', {code: 403}), 'permission-denied'],
    ['gRPC PERMISSION_DENIED', thrown('7 PERMISSION_DENIED: x', {code: 7}), 'permission-denied'],
    [
      'an API that is off',
      thrown(
        'Cloud Run Admin API has not been used in project 1 before or it is disabled. https://x/run.googleapis.com',
        {code: 7},
      ),
      'api-disabled',
    ],
    ['HTTP 404', thrown('no', {code: 404}), 'not-found'],
    ['gRPC NOT_FOUND', thrown('5 NOT_FOUND: no', {code: 5}), 'not-found'],
    ['HTTP 409', thrown('there', {status: 409}), 'conflict'],
    ['gRPC ALREADY_EXISTS', thrown('6 ALREADY_EXISTS: x', {code: 6}), 'conflict'],
    ['HTTP 412', thrown('x', {code: 412}), 'precondition-failed'],
    ['HTTP 429', thrown('x', {code: 429}), 'rate-limited'],
    ['gRPC RESOURCE_EXHAUSTED', thrown('x', {code: 8}), 'rate-limited'],
    ['HTTP 503', thrown('x', {code: 503}), 'unavailable'],
    ['gRPC UNIMPLEMENTED', thrown('x', {code: 12}), 'not-implemented'],
    ['HTTP 400', thrown('x', {code: 400}), 'invalid-request'],
    ['a refused connection', thrown('connect', {code: 'ECONNREFUSED'}), 'unreachable'],
    [
      'a refused connection under fetch',
      new TypeError('fetch failed', {cause: thrown('connect', {code: 'ECONNREFUSED'})}),
      'unreachable',
    ],
    [
      'a refused connection under gRPC',
      thrown('14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1', {
        code: 14,
      }),
      'unreachable',
    ],
  ])('%s', (_, error, code) => {
    const translated = toAppError(error, 'Reading bucket b')
    expect(translated).toMatchObject({code, exitCode: 1})
    expect(translated.message).toMatch(/^Reading bucket b: .*[.!?]$/)
    expect(translated.cause).toBe(error)
  })

  test.each([
    [
      'connect ECONNREFUSED 127.0.0.1:4500',
      ['Processing resumes when the local cloud is running again: cloud-runner local start'],
    ],
    ['connect ECONNREFUSED 203.0.113.7:443', ['Check the network connection.']],
    [
      'read ECONNRESET',
      ['On the local target: cloud-runner local start', 'On Google Cloud: check the network connection.'],
    ],
  ])('%s: what to do there', (message, suggestions) => {
    const [, code = ''] = /(E[A-Z]+)/.exec(message) ?? []
    expect(toAppError(thrown(message, {code}), 'Listing bucket b').suggestions).toEqual(suggestions)
  })

  test.each([
    ['over HTTP', {code: 413}],
    ['over gRPC', {code: 9}],
  ])('a full disk of the local cloud, %s: what to do', (_, fields) => {
    const message =
      'Not enough room on the disk of /home/me/my work/.cloud-runner/local (1.5 MiB left): nothing was changed.'
    expect(toAppError(thrown(message, fields), 'Uploading a.csv')).toMatchObject({
      code: 'disk-full',
      message: `Uploading a.csv: ${message}`,
      suggestions: [
        "See how full the disk is: df -h '/home/me/my work/.cloud-runner/local'",
        'Free some space, then run the same command again.',
      ],
    })
  })

  test('the error of a resumable upload, which is the body of the answer', () => {
    const error = {code: 403, message: 'Permission storage.objects.create denied.', errors: []}
    expect(toAppError(error, 'Uploading a.csv')).toMatchObject({
      code: 'permission-denied',
      message: 'Uploading a.csv: Permission storage.objects.create denied.',
    })
  })

  test('Google says it in its own words, without the code in front', () => {
    expect(toAppError(thrown('5 NOT_FOUND: Resource x was not found', {code: 5}), 'Looking').message).toBe(
      'Looking: Resource x was not found.',
    )
  })

  test('an AppError stays unchanged', () => {
    const error = new AppError('x', {code: 'timeout'})
    expect(toAppError(error, 'y')).toBe(error)
  })
})

describe('trying again', () => {
  test('a transient error passes without help', async () => {
    let calls = 0
    const answer = await retried(async () => {
      calls++
      if (calls < 3) throw thrown('x', {code: 503})
      return 'ok'
    })
    expect([answer, calls]).toEqual(['ok', 3])
  })

  test('a permanent one is not repeated', async () => {
    let calls = 0
    await expect(
      retried(async () => {
        calls++
        throw thrown('x', {code: 403})
      }),
    ).rejects.toThrow('x')
    expect(calls).toBe(1)
    expect(isTransient(thrown('x', {code: 403}))).toBe(false)
  })
})
