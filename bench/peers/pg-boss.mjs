// pg-boss on PostgreSQL, whose workers take jobs in batches.
import { PgBoss } from 'pg-boss'
import { each, inFlight, jobs, perSecond, report, url } from './support.mjs'

const boss = new PgBoss({ connectionString: url, schema: 'bench_pgboss', max: 12, supervise: false, schedule: false })
boss.on('error', console.error)
await boss.start()
const queue = `nothing-${process.pid}`
await boss.createQueue(queue)
const one = await perSecond(jobs, () => each(jobs, 64, () => boss.send(queue, {})))
const batch = await perSecond(jobs * 5, () =>
  each(jobs / 20, 4, () =>
    boss.insert(
      queue,
      Array.from({ length: 100 }, () => ({ data: {} })),
    ),
  ),
)
const run = await perSecond(jobs * 6, async () => {
  let done = 0
  // Taken and completed by itself: its poll every half second would be all that is measured.
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (done < jobs * 6) {
        const taken = await boss.fetch(queue, { batchSize: inFlight })
        if (taken.length === 0) break
        await boss.complete(
          queue,
          taken.map(({ id }) => id),
        )
        done += taken.length
      }
    }),
  )
})
await boss.deleteQueue(queue)
report({ one, batch, run })
