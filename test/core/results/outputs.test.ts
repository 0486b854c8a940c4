import {join} from 'node:path'
import {Readable} from 'node:stream'
import {writeFile} from 'node:fs/promises'
import {expect, test} from 'vitest'
import {writeToFolder, type FileOutput} from '../../../src/core/results/outputs.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

test('outputs of which one needs a folder where another is a file end in an error that says so', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal, step} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const outputs: FileOutput[] = []
  for (const name of ['a', 'a/b']) {
    const source = {stream: Readable.from([Buffer.from(name)])}
    const bucket = pipeline.names.outputBucket
    const {contentType = '', ...rest} = await cloud.objects.upload({bucket, name, source, signal})
    outputs.push({...rest, contentType})
  }
  const folder = join(context.folder, 'out')
  const collision = {
    code: 'output-unwritable',
    message: `Folder ${join(folder, 'a')} cannot be created: a file has that name, or that of a folder above it.`,
  }
  await expect(writeToFolder(outputs, {folder, force: false}, context)).rejects.toMatchObject(collision)
  await writeFile(join(context.folder, 'file'), '')
  const below = {folder: join(context.folder, 'file', 'out'), force: false}
  await expect(writeToFolder(outputs, below, context)).rejects.toMatchObject({code: 'output-unwritable'})
})
