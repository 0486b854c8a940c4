/** Two varints of nine bytes at most, each with its tag. */
const message = Buffer.alloc(20)

/** Appends a field of a protobuf message. @returns where it ends */
function putVarint(at: number, tag: number, value: number): number {
  message[at] = tag
  let end = at + 1
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    message[end] = (rest % 0x80) + 0x80
    end += 1
  }
  message[end] = rest
  return end + 1
}

/** Google's etag of an object: the protobuf message {1: generation, 2: metageneration}, base64. */
export function objectEtag(version: {generation: number; metageneration: number}): string {
  const end = putVarint(putVarint(0, 0x08, version.generation), 0x10, version.metageneration)
  return message.toString('base64', 0, end)
}

/** Google's etag of a bucket: the protobuf message {1: metageneration}, base64; `CAE=` at first. */
export function bucketEtag(metageneration: number): string {
  return message.toString('base64', 0, putVarint(0, 0x08, metageneration))
}
