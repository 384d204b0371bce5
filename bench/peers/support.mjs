// What the peers have in common: the arguments, and the report that bench/throughput.ts reads.
export const [url, jobs, inFlight] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]

/** How many jobs a second some work does. */
export async function perSecond(count, work) {
  const began = performance.now()
  await work()
  return count / ((performance.now() - began) / 1000)
}

/** Does a number of pieces of work, a few of them at a time. */
export async function each(count, atOnce, work) {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

export async function until(isTrue) {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Reports jobs a second: created one by one and by 100 (null where that is not possible), and run to the end. */
export function report(found) {
  console.log(JSON.stringify(found))
  process.exit(0)
}
