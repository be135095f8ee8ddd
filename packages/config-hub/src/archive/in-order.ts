/**
 * Works on items, so many at a time, and gives the results in the order of the items. After a failure no other item is begun, and
 * what was begun has ended when the failure is told.
 */
export async function inOrder<Item, Result>(
  items: readonly Item[],
  concurrencyMax: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const queue = items.entries()
  const failures: unknown[] = []
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failures.length > 0) return
      try {
        results[index] = await work(item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrencyMax, items.length) }, lane))
  if (failures.length > 0) throw failures[0]
  return results
}
