import {expect, test} from 'vitest'
import {RESULT_METADATA, sidecarObject} from '../../../worker/contract.ts'
import {status} from '../../../src/core/status.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

const LONG = 'm'.repeat(950)

test('of too many files, the first by name are shown with their state, and no more are listed', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal, step, endpoint} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const {inputBucket, outputBucket} = pipeline.names
  const send = async (bucket: string, name: string, metadata: Record<string, string>) => {
    const type = 'multipart/related; boundary=b'
    const part = (of: string, text: string) => `--b\r\ncontent-type: ${of}\r\n\r\n${text}\r\n`
    const response = await fetch(`${endpoint}/upload/storage/v1/b/${bucket}/o?uploadType=multipart`, {
      method: 'POST',
      headers: {'content-type': type},
      body: `${part('application/json', JSON.stringify({name, metadata}))}${part('text/plain', 'x')}--b--`,
    })
    expect(response.status).toBe(200)
    const {generation}: {generation: string} = JSON.parse(await response.text())
    return generation
  }
  const input = async (name: string) => ({
    [RESULT_METADATA.sourceGeneration]: await send(inputBucket, name, {}),
  })
  const failed = async (name: string) =>
    send(outputBucket, sidecarObject(name, 'error.json'), await input(name))
  const done = async (name: string) => send(outputBucket, name, await input(name))

  // Around the reserved prefix, with names that others begin with, and one whose sidecars are under a hash.
  await done('A.csv')
  await failed('A.csv-1')
  await done('_cloud')
  await failed('a')
  await done('a-b.csv')
  await failed('é.csv')
  await failed(LONG)
  await done('z/1.csv')
  await failed('z/2.csv')

  const look = async (most: number) => {
    const {counts, more, files} = await status({objects: [], limit: 100, most}, context)
    return {
      ...counts,
      more,
      files: files.map(({object, state}) => `${object.slice(0, 8)} ${state}`).toSorted(),
    }
  }
  const names = [
    'A.csv done',
    'A.csv-1 failed',
    '_cloud done',
    'a failed',
    'a-b.csv done',
    `${LONG.slice(0, 8)} failed`,
  ]
  const six = [...names].toSorted()
  expect(await look(6)).toEqual({
    waiting: 0,
    running: 0,
    dead: 0,
    ignored: 0,
    done: 3,
    failed: 3,
    more: true,
    files: six,
  })
  for (let most = 1; most < 6; most++) {
    expect(await look(most)).toMatchObject({more: true, waiting: 0, files: names.slice(0, most).toSorted()})
  }
  expect(await look(9)).toMatchObject({more: false, done: 4, failed: 5, waiting: 0})
})
