/** The first bytes of a stream, at least that many if it has them, and the stream including them. */
export async function peek(
  chunks: AsyncGenerator<Buffer>,
  bytes: number,
): Promise<{head: Buffer; all: AsyncGenerator<Buffer>}> {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < bytes) {
    const next = await chunks.next()
    if (next.done === true) break
    // A copy: the chunk is gone when the next one is asked for.
    head = Buffer.concat([head, next.value])
  }
  return {head, all: joined(head, chunks)}
}

async function* joined(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}
