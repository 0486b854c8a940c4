import {Readable} from 'node:stream'
import type {Context} from '../../src/core/ports/context.ts'
import type {StoredObject} from '../../src/core/ports/objects.ts'

/** Puts objects into the input bucket of a pipeline that has no notification yet: no event of them ever comes. */
export async function putUnnoticed<const Names extends readonly string[]>(
  {cloud, pipeline, signal, step}: Context,
  names: Names,
): Promise<{[Index in keyof Names]: StoredObject}> {
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const put = (name: string) =>
    cloud.objects.upload({
      bucket: pipeline.names.inputBucket,
      name,
      source: {stream: Readable.from([Buffer.from(name)])},
      contentType: 'text/plain',
      signal,
    })
  const objects = await Promise.all(names.map((name) => put(name)))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- map keeps the length, which its type forgets
  return objects as {[Index in keyof Names]: StoredObject}
}
