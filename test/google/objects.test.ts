import {EventEmitter} from 'node:events'
import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {expect, onTestFinished, test} from 'vitest'
import {createObjectStore} from '../../src/google/objects.ts'
import {createRest} from '../../src/google/rest.ts'
import {LocalCloud} from '../../src/local-cloud/index.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

test('a download warns of no leak and leaves the limit of every other emitter alone', async () => {
  await using cloud = await LocalCloud.start({stateFolder: await temporaryFolder()})
  const {endpoint} = cloud
  await fetch(`${endpoint}/storage/v1/b?project=some-project`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({name: 'some-bucket'}),
  })
  const warnings: string[] = []
  const note = ({message}: Error) => void warnings.push(message)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))

  const connection = {projectId: 'some-project', region: 'europe-west1', endpoint}
  const objects = createObjectStore(connection, createRest(connection))
  const {signal} = new AbortController()
  const {generation} = await objects.upload({
    bucket: 'some-bucket',
    name: 'a.csv',
    source: {stream: Readable.from([Buffer.from('a,b\n1,2\n')])},
    signal,
  })
  const content = await buffer(await objects.read('some-bucket', 'a.csv', {generation, signal}))

  expect(content.toString()).toBe('a,b\n1,2\n')
  expect(warnings).toEqual([])
  expect(EventEmitter.defaultMaxListeners).toBe(10)
})
