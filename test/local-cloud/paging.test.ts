import {describe, expect, it} from 'vitest'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const PARENT = 'projects/p1/locations/europe-west3'
const KNATIVE_JOBS = '/apis/run.googleapis.com/v1/namespaces/p1/jobs'

interface List {
  readonly what: string
  readonly path: string
  /** The request that creates one more item. */
  readonly create: (name: string) => [method: string, path: string, body: object]
  readonly items: string
  readonly size?: string
  readonly token?: string
}

const topic = (name: string): [string, string, object] => ['PUT', `/v1/projects/p1/topics/${name}`, {}]
const bucket = (name: string): [string, string, object] => ['POST', '/storage/v1/b?project=p1', {name}]
const job = (name: string): [string, string, object] => [
  'POST',
  `/v2/${PARENT}/jobs?jobId=${name}`,
  {template: {template: {containers: [{image: 'r-docker.pkg.dev/p1/images/none'}]}}},
]
const lists: List[] = [
  {what: 'topics', path: '/v1/projects/p1/topics', create: topic, items: 'topics'},
  {
    what: 'subscriptions',
    path: '/v1/projects/p1/subscriptions',
    create: (name) => ['PUT', `/v1/projects/p1/subscriptions/${name}`, {topic: 'projects/p1/topics/first'}],
    items: 'subscriptions',
  },
  {
    what: 'subscriptions of a topic',
    path: '/v1/projects/p1/topics/first/subscriptions',
    create: (name) => ['PUT', `/v1/projects/p1/subscriptions/${name}`, {topic: 'projects/p1/topics/first'}],
    items: 'subscriptions',
  },
  {
    what: 'service accounts',
    path: '/v1/projects/p1/serviceAccounts',
    create: (name) => ['POST', '/v1/projects/p1/serviceAccounts', {accountId: `account-${name}`}],
    items: 'accounts',
  },
  {
    what: 'buckets',
    path: '/storage/v1/b?project=p1&prefix=paged',
    create: (name) => bucket(`paged-${name}`),
    items: 'items',
    size: 'maxResults',
  },
  {
    what: 'objects',
    path: '/storage/v1/b/first-bucket/o',
    create: (name) => ['POST', `/upload/storage/v1/b/first-bucket/o?uploadType=media&name=${name}`, {}],
    items: 'items',
    size: 'maxResults',
  },
  {what: 'jobs', path: `/v2/${PARENT}/jobs`, create: job, items: 'jobs'},
  {what: 'operations', path: `/v2/${PARENT}/operations`, create: job, items: 'operations'},
  {
    what: 'jobs in Knative’s form',
    path: KNATIVE_JOBS,
    create: job,
    items: 'items',
    size: 'limit',
    token: 'continue',
  },
]

describe('every list', () => {
  it.each(lists)('gives $what page by page, each once, and refuses a bad size or token', async (list) => {
    const {what, path, create, items, size = 'pageSize', token = 'pageToken'} = list
    await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
    const ask = async (method: string, at: string, body?: object) => {
      const response = await fetch(`${cloud.endpoint}${at}`, {
        method,
        ...(body === undefined ? {} : {body: JSON.stringify(body)}),
      })
      return {status: response.status, body: fieldsOf(await response.json())}
    }
    const page = async (query: Record<string, string>) =>
      ask('GET', `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`)
    if (what.startsWith('subscriptions')) await ask(...topic('first'))
    if (what === 'objects') await ask(...bucket('first-bucket'))
    for (const name of ['one-a', 'two-b', 'three-c']) expect((await ask(...create(name))).status).toBe(200)

    const all = listIn((await page({})).body, items)
    expect(all).toHaveLength(3)
    const seen: unknown[] = []
    for (let next = '', pages = 0; pages < 3; pages++) {
      const {body} = await page({[size]: '1', ...(next === '' ? {} : {[token]: next})})
      seen.push(...listIn(body, items))
      const after = token === 'continue' ? fieldsOf(body['metadata'])['continue'] : body['nextPageToken']
      next = typeof after === 'string' ? after : ''
      expect(next === '').toBe(pages === 2)
    }
    expect(seen).toEqual(all)

    expect(await page({[token]: 'nobody’s'})).toMatchObject({status: 400})
    expect(await page({[size]: '-1'})).toMatchObject({status: 400})
    expect(await page({[size]: 'many'})).toMatchObject({status: 400})
  })
})

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? {...value} : {}
}

function listIn(body: Record<string, unknown>, field: string): unknown[] {
  const found = body[field]
  return Array.isArray(found) ? found : []
}
