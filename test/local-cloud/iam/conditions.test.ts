import {describe, expect, test} from 'vitest'
import {holds, parseCondition} from '../../../src/local-cloud/iam/conditions.ts'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const OBJECT = 'projects/_/buckets/b-1/objects/in/a.csv'
const now = Date.parse('2026-05-01T00:00:00Z')

describe('an expression', () => {
  test.each([
    ['resource.name.startsWith("projects/_/buckets/b-1/objects/in/")', true],
    ["resource.name.endsWith('.csv') && resource.type == 'storage.googleapis.com/Object'", true],
    ['resource.service == "pubsub.googleapis.com" || request.time < timestamp("2026-06-01T00:00:00Z")', true],
    ['request.time >= timestamp("2026-05-01T00:00:00.001Z")', false],
    ['!resource.name.contains("/in/") || (resource.name != "x" && false)', false],
    ['!!true', true],
    ['!(request.time == timestamp("2020-01-01T00:00:00Z")) == true', true],
    ['true == !false && !!!false', true],
    ['resource.name.extract("/objects/{folder}/") == "in"', true],
    ['resource.name.extract("/objects/{rest}").startsWith("in/a")', true],
    ['resource.name.extract("{bucket}/nothing") == ""', true],
  ])('%s is %s', (expression, expected) => {
    expect(holds({expression}, {resource: OBJECT, now})).toBe(expected)
  })

  test.each([
    ['', 'it is empty'],
    ['resource.name', 'a bool is needed in place of a string'],
    ['resource.name == request.time', 'a string is needed in place of a time'],
    ['(true', '")" is missing'],
    ['true true', 'it has more after its end'],
    ['true ? false : true', 'unexpected "?'],
    ['timestamp("soon") < request.time', 'RFC 3339'],
    ['resource.matchTag("a/b", "c")', '"resource.matchTag" in conditions is not implemented'],
    ['request.auth.claims == "x"', '"request.auth.claims" in conditions is not implemented'],
    ['resource.name.matches("x")', '"resource.name.matches" in conditions is not implemented'],
  ])('%s is refused: %s', (expression, why) => {
    expect(() => parseCondition(expression)).toThrow(why)
  })

  test('is refused where it nests too deep or is too long', () => {
    const nested = (levels: number): string => `${'('.repeat(levels)}true${')'.repeat(levels)}`
    expect(() => parseCondition(nested(101))).toThrow('it nests deeper than 100 levels')
    expect(() => parseCondition(nested(20_000))).toThrow('it has 40004 characters; at most 10000 are allowed')
    expect(holds({expression: nested(50)}, {resource: OBJECT, now})).toBe(true)
  })
})

test("a bucket's conditional binding lets an account write below one prefix", async () => {
  await using local = await LocalCloud.start({stateFolder: await temporaryFolder()})
  const {endpoint} = local
  const email = 'worker@p-1.iam.gserviceaccount.com'
  const send = async (method: string, path: string, body: unknown, token?: string): Promise<Response> =>
    fetch(`${endpoint}${path}`, {
      method,
      headers: token === undefined ? {} : {authorization: `Bearer ${token}`},
      ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    })
  await send('POST', '/v1/projects/p-1/serviceAccounts', {accountId: 'worker'})
  const iamConfiguration = {uniformBucketLevelAccess: {enabled: true}}
  await send('POST', '/storage/v1/b?project=p-1', {name: 'b-1', iamConfiguration})
  const condition = {
    title: 'in',
    expression: 'resource.name.startsWith("projects/_/buckets/b-1/objects/in/")',
  }
  const bindings = [{role: 'roles/storage.objectAdmin', members: [`serviceAccount:${email}`], condition}]
  expect((await send('PUT', '/storage/v1/b/b-1/iam', {bindings})).status).toBe(400)
  expect((await send('PUT', '/storage/v1/b/b-1/iam', {version: 3, bindings})).status).toBe(200)

  const token = `/v1/projects/-/serviceAccounts/${email}:generateAccessToken`
  const answer: {accessToken: string} = JSON.parse(
    await (await send('POST', token, {scope: ['https://www.googleapis.com/auth/cloud-platform']})).text(),
  )
  const upload = async (name: string): Promise<number> =>
    (await send('POST', `/upload/storage/v1/b/b-1/o?uploadType=media&name=${name}`, {}, answer.accessToken))
      .status
  expect(await upload('in%2Fa.csv')).toBe(200)
  expect(await upload('out%2Fa.csv')).toBe(403)
  expect((await send('GET', '/storage/v1/b/b-1/o/in%2Fa.csv', undefined, answer.accessToken)).status).toBe(
    200,
  )

  const shown = async (version: number): Promise<string> =>
    (await send('GET', `/storage/v1/b/b-1/iam?optionsRequestedPolicyVersion=${version}`, undefined)).text()
  expect(JSON.parse(await shown(3))).toMatchObject({version: 3, bindings})
  expect(await shown(1)).toMatch(/"version":1.*"role":"roles\/storage\.objectAdmin_withcond_[0-9a-f]{20}"/)
})
