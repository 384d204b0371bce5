/**
 * Batches requests: those that arrive while a batch is being processed form the next one. A request never waits for a batch
 * to fill.
 *
 * @param work receives the requests in order, and returns their results in that order
 * @param most the largest batch
 */
export function batchCalls<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  most = 200,
): (item: Item) => Promise<Result> {
  const asked: { readonly item: Item; readonly done: PromiseWithResolvers<Result> }[] = []
  let working = false
  const goOn = async () => {
    working = true
    // Requests of the same tick of the event loop go into the same batch.
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
