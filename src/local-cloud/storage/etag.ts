function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return [...bytes, rest]
}

/** Google's etag of an object: the protobuf message {1: generation, 2: metageneration}, base64. */
export function objectEtag(version: {generation: number; metageneration: number}): string {
  return Buffer.from([0x08, ...varint(version.generation), 0x10, ...varint(version.metageneration)]).toString(
    'base64',
  )
}

/** Google's etag of a bucket: the protobuf message {1: metageneration}, base64; `CAE=` at first. */
export function bucketEtag(metageneration: number): string {
  return Buffer.from([0x08, ...varint(metageneration)]).toString('base64')
}
