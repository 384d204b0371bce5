/**
 * Does what is asked for at the same time together: whatever comes while work is under way is the next work, in one piece.
 * Nothing waits for company.
 *
 * @param work gets what was asked for, in order, and returns the results in that order
 * @param most at most so many at once
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
