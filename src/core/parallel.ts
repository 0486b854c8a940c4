/**
 * Runs `work` on each item, at most `atOnce` at the same time. After the first error nothing new starts; what is in
 * progress ends before that error is thrown, so nothing still runs when the caller cleans up.
 */
export async function eachOf<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = Iterator.from(items)
  let failure: {readonly error: unknown} | undefined
  const lane = async () => {
    for (const item of rest) {
      if (failure !== undefined) return
      try {
        await work(item)
      } catch (error) {
        failure ??= {error}
      }
    }
  }
  await Promise.all(Array.from({length: atOnce}, lane))
  if (failure !== undefined) throw failure.error
}
