// graphile-worker on PostgreSQL, with jobs taken and completed in batches.
import { open, start } from './graphile-worker-settings.mjs'
import { each, inFlight, jobs, perSecond, report, url } from './support.mjs'

const { pool, utils } = await open(url, 12)
const one = await perSecond(jobs, () => each(jobs, 64, () => utils.addJob('nothing', {})))
const batch = await perSecond(jobs * 5, () =>
  each(jobs / 20, 4, () => utils.addJobs(Array.from({ length: 100 }, () => ({ identifier: 'nothing', payload: {} })))),
)
let done = 0
const all = Promise.withResolvers()
const run = await perSecond(jobs * 6, async () => {
  await start(pool, inFlight, true, {
    nothing: () => {
      if (++done === jobs * 6) all.resolve()
    },
  })
  await all.promise
})
report({ one, batch, run })
