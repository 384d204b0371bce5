/**
 * Batches requests: those that arrive while work is under way are the next batch.
 * Nothing waits for company.
 *
 * @param work gets the requests in order, and returns their results in that order
 * @param most the largest batch
 */
export function together<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  most = 200,
): (item: Item) => Promise<Result> {
  const asked: { readonly item: Item; readonly done: PromiseWithResolvers<Result> }[] = []
  let working = false
  const goOn = async () => {
    working = true
    // What is asked for in the same turn of the event loop goes along.
    await Promise.resolve()
    while (asked.length > 0) {
      const batch = asked.splice(0, most)
      try {
        const results = await work(batch.map(({ item }) => item))
        batch.forEach(({ done }, index) => {
          done.resolve(results[index] as Result)
        })
      } catch (error) {
        for (const { done } of batch) done.reject(error)
      }
    }
    working = false
  }
  return (item) => {
    const done = Promise.withResolvers<Result>()
    asked.push({ item, done })
    if (!working) void goOn()
    return done.promise
  }
}
