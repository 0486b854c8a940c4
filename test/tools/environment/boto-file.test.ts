import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {writeBotoFile} from '../../../src/tools/environment/boto-file.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

test('commands that write it at the same time leave one whole file', async () => {
  const folder = await temporaryFolder()
  const origins = {
    endpoint: 'http://127.0.0.1:1',
    proxy: 'http://127.0.0.1:2',
    tls: {endpoint: 'https://127.0.0.1:3', certificate: join(folder, '100%.pem')},
    folder,
    project: 'p',
    region: 'europe-west3',
  }
  await Promise.all(Array.from({length: 20}, () => writeBotoFile(origins)))
  expect(await readdir(folder)).toEqual(['gsutil.boto'])
  const text = await readFile(join(folder, 'gsutil.boto'), 'utf8')
  for (const api of ['json', 'pubsub', 'kms', 'iamcredentials'])
    expect(text).toContain(`gs_${api}_host = 127.0.0.1\n`)
  expect(text).toContain('100%%.pem')
})
