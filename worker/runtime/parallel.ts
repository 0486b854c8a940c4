/** Does work on each item, on at most so many at once; the first failure ends it once those in progress have ended. */
export async function eachOf<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  let failure: {readonly error: unknown} | undefined
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && failure === undefined; next = rest.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failure ??= {error}
      }
    }
  }
  await Promise.all(Array.from({length: most}, worker))
  if (failure !== undefined) throw failure.error
}
