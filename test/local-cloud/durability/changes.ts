import {expect} from 'vitest'
import type {LocalCloudProcess} from '../../support/local-cloud-process.ts'
import {call, type Client, Counter, list, record} from './client.ts'

const BUCKET = '/storage/v1/b/changes'

/** Patches the metadata of one object, each time one higher. */
export function metadataClient(): Client {
  const counter = new Counter()
  return {
    get acknowledged() {
      return counter.acknowledged
    },
    async prepare(cloud) {
      await call(cloud, 'POST', '/storage/v1/b?project=p-test', {name: 'changes', location: 'EU'})
      await upload(cloud, 'patched')
    },
    work: (cloud) =>
      counter.raise((value) =>
        call(cloud, 'PATCH', `${BUCKET}/o/patched`, {metadata: {value: String(value)}}),
      ),
    async check(cloud) {
      const {metadata, metageneration} = await call(cloud, 'GET', `${BUCKET}/o/patched`)
      const value = Number(record(metadata)['value'] ?? 0)
      expect(counter.possible, 'metadata that was acknowledged').toContain(value)
      // One write, one metageneration: nothing was done by halves or twice.
      expect(Number(metageneration)).toBe(value + 1)
      counter.settle(value)
    },
  }
}

/** Uploads objects and deletes them. */
export function deletingClient(): Client {
  const deleted = new Set<string>()
  let count = 0
  return {
    get acknowledged() {
      return deleted.size
    },
    async work(cloud) {
      const name = `deleted-${count++}`
      await upload(cloud, name)
      await call(cloud, 'DELETE', `${BUCKET}/o/${name}`)
      deleted.add(name)
    },
    async check(cloud) {
      const {items} = await call(cloud, 'GET', `${BUCKET}/o?prefix=deleted-`)
      for (const {name} of list(items))
        expect(deleted, `object ${String(name)} was deleted`).not.toContain(name)
    },
  }
}

/** Writes the policy of a bucket, each time with another member. */
export function policyClient(): Client {
  const counter = new Counter()
  const role = 'roles/storage.objectViewer'
  return {
    get acknowledged() {
      return counter.acknowledged
    },
    async work(cloud) {
      const {etag} = await call(cloud, 'GET', `${BUCKET}/iam`)
      await counter.raise((value) =>
        call(cloud, 'PUT', `${BUCKET}/iam`, {
          etag,
          bindings: [{role, members: [`user:u${value}@example.com`]}],
        }),
      )
    },
    async check(cloud) {
      const {bindings} = await call(cloud, 'GET', `${BUCKET}/iam`)
      // A policy that was never set names the members of the project.
      const [value = 0] = list(bindings)
        .flatMap(({members}) => (Array.isArray(members) ? members.map(String) : []))
        .flatMap((member) => /^user:u(?<value>\d+)@/.exec(member)?.groups?.['value'] ?? [])
        .map(Number)
      expect(counter.possible, 'the policy that was acknowledged').toContain(value)
      counter.settle(value)
    },
  }
}

/** Adds versions to a secret, each with its own number as its value. */
export function secretClient(): Client {
  const counter = new Counter()
  const secret = '/v1/projects/p-test/secrets/counted'
  return {
    get acknowledged() {
      return counter.acknowledged
    },
    async prepare(cloud) {
      await call(cloud, 'POST', '/v1/projects/p-test/secrets?secretId=counted', {
        replication: {automatic: {}},
      })
      await counter.raise((value) => add(cloud, value))
    },
    work: (cloud) => counter.raise((value) => add(cloud, value)),
    async check(cloud) {
      const {name, payload} = await call(cloud, 'GET', `${secret}/versions/latest:access`)
      const value = Number(Buffer.from(String(record(payload)['data']), 'base64').toString())
      expect(counter.possible, 'the version that was acknowledged').toContain(value)
      expect(String(name).split('/').at(-1)).toBe(String(value))
      counter.settle(value)
    },
  }

  function add(cloud: LocalCloudProcess, value: number): Promise<unknown> {
    const data = Buffer.from(String(value)).toString('base64')
    return call(cloud, 'POST', `${secret}:addVersion`, {payload: {data}})
  }
}

async function upload(cloud: LocalCloudProcess, name: string): Promise<void> {
  const path = `/upload/storage/v1/b/changes/o?uploadType=media&name=${name}`
  const response = await fetch(`${cloud.endpoint}${path}`, {method: 'POST', body: name})
  if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`)
}
