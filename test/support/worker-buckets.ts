import type {File} from '@google-cloud/storage'
import {startStorage} from '../local-cloud/storage/local-storage.ts'
import {startFaultyProxy} from './faulty-proxy.ts'
import {pushEnvelope} from './push-envelope.ts'

const WORKER = 'serviceAccount:worker@local-project.iam.gserviceaccount.com'

/**
 * Cloud Storage of the local cloud with the buckets `input` and `output`, and an endpoint at which a worker is let in
 * with the roles that a pipeline gives it and no others. Ends with the test.
 * @param inputRole on `input`; a pipeline that archives or deletes gives roles/storage.objectUser
 */
export async function startBuckets(inputRole = 'roles/storage.objectViewer') {
  const {client, listen} = await startStorage()
  for (const [name, role] of [
    ['input', inputRole],
    ['output', 'roles/storage.objectUser'],
  ] as const) {
    const [bucket] = await client.createBucket(name)
    const [policy] = await bucket.iam.getPolicy()
    policy.bindings = [...(policy.bindings ?? []), {role, members: [WORKER]}]
    await bucket.iam.setPolicy(policy)
  }
  const proxy = await startFaultyProxy(await listen(WORKER))
  const input = (name: string): File => client.bucket('input').file(name)
  const output = (name: string): File => client.bucket('output').file(name)
  const put = async (file: File, content: string | Buffer, metadata: Record<string, string>) => {
    await file.save(content, {resumable: false, contentType: 'text/plain', metadata: {metadata}})
    return String(file.metadata.generation)
  }
  // Google's client puts more listeners on a large download than Node's limit of 10, and Node warns of a leak.
  const contentOf = async ({bucket, name}: File): Promise<Buffer | undefined> => {
    const path = `/storage/v1/b/${bucket.name}/o/${encodeURIComponent(name)}?alt=media`
    const response = await fetch(client.apiEndpoint + path)
    return response.status === 404 ? undefined : Buffer.from(await response.arrayBuffer())
  }
  return {
    /** What a worker talks to. */
    proxy,
    input,
    output,
    /** Uploads as the owner; resolves with the generation. */
    put,
    upload: (name: string, content: string | Buffer, metadata: Record<string, string> = {}) =>
      put(input(name), content, metadata),
    /** Content of an object; `undefined` where there is none. */
    text: async (file: File): Promise<string | undefined> => (await contentOf(file))?.toString('utf8'),
    bytes: async (file: File): Promise<Buffer> => {
      const content = await contentOf(file)
      if (content === undefined) throw new Error(`No object ${file.name} in bucket ${file.bucket.name}`)
      return content
    },
    /** Custom metadata of an object. */
    async metadataOf(file: File): Promise<Record<string, unknown>> {
      const [metadata] = await file.getMetadata()
      return metadata.metadata ?? {}
    },
  }
}

/** Delivers the notification of an object of `input`; resolves with the HTTP status. */
export async function deliver(
  url: string,
  object: string,
  generation: string,
  more: Partial<Parameters<typeof pushEnvelope>[0]> = {},
): Promise<number> {
  const body = JSON.stringify(pushEnvelope({bucket: 'input', object, generation, ...more}))
  const response = await fetch(url, {method: 'POST', body})
  await response.arrayBuffer()
  return response.status
}
