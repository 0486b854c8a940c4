import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {missing, startTools} from '../support/tool.ts'

const NO_GSUTIL = missing('gsutil')

it.skipIf(NO_GSUTIL !== undefined)(
  `gsutil makes the topic of a notification as well, grants it, and lists both${NO_GSUTIL ?? ''}`,
  async () => {
    const {run, folder, local, project} = await startTools()
    await run(['gsutil', 'mb', 'gs://uploads'])
    const made = await run([
      'gsutil',
      'notification',
      'create',
      '-t',
      'arrivals',
      '-f',
      'json',
      'gs://uploads',
    ])
    expect(made).toContain(`Created Cloud Pub/Sub topic projects/${project}/topics/arrivals`)
    expect(await run(['gsutil', 'notification', 'list', 'gs://uploads'])).toContain(
      `Cloud Pub/Sub topic: projects/${project}/topics/arrivals`,
    )

    const call = async (method: string, path: string, body: object): Promise<unknown> =>
      (
        await fetch(`${local.endpoint}/v1/projects/${project}/${path}`, {
          method,
          body: JSON.stringify(body),
        })
      ).json()
    await call('PUT', 'subscriptions/arrivals', {topic: `projects/${project}/topics/arrivals`})
    await writeFile(join(folder, 'a.txt'), 'a')
    await run(['gsutil', 'cp', 'a.txt', 'gs://uploads/a.txt'])
    expect(await call('POST', 'subscriptions/arrivals:pull', {maxMessages: 1})).toMatchObject({
      receivedMessages: [{message: {attributes: {objectId: 'a.txt', eventType: 'OBJECT_FINALIZE'}}}],
    })

    await run(['gsutil', 'notification', 'delete', 'gs://uploads'])
    expect(await run(['gsutil', 'notification', 'list', 'gs://uploads'])).toBe('')
  },
  60_000,
)
