// Sidequest on MySQL: in this process and without worker threads, which is the fastest of its settings for steps that do nothing.
import { Sidequest } from 'sidequest'
import { Nothing } from './sidequest-job.mjs'
import { settings } from './sidequest-settings.mjs'
import { each, inFlight, jobs, perSecond, report, until, url } from './support.mjs'

const shared = settings(url, inFlight)
// Its backend takes jobs before anything runs them, so that creating and running are measured one after the other.
await Sidequest.configure(shared)
const one = await perSecond(jobs, () => each(jobs, 64, () => Sidequest.build(Nothing).enqueue()))
// Rounds before this one have left theirs.
const { completed: before } = await Sidequest.job.count()
const run = await perSecond(jobs, async () => {
  await Sidequest.start(shared)
  await until(async () => (await Sidequest.job.count()).completed >= before + jobs)
})
report({ one, batch: null, run })
