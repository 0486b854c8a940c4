/**
 * Runs `work` on each item, at most `atOnce` at the same time. Starts nothing new after the first error.
 * @throws what `work` threw first
 */
export async function eachOf<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = Iterator.from(items)
  let failed = false
  const lane = async () => {
    for (const item of rest) {
      if (failed) return
      try {
        await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({length: atOnce}, lane))
}
