// Creates a job, watches it to its end and reads its history, with the types of the server:
//   npm run -s example examples/trpc-client.ts
// VISION_URL names the API (http://localhost:3000 if not set), VISION_TOKEN the bearer token (none is needed locally).
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, splitLink } from '@trpc/client'
// Browsers have one of their own.
import { EventSource } from 'eventsource'
import type { AppRouter } from '../core/api/app.ts'

const url = `${process.env.VISION_URL ?? 'http://localhost:3000'}/api/trpc`
const token = process.env.VISION_TOKEN
const headers = token ? { authorization: `Bearer ${token}` } : {}
const image =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC'

/** @param ticket lets the holder watch one job, where no header can be sent, as from an EventSource */
const connect = (ticket = '') =>
  createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({ url: `${url}?ticket=${encodeURIComponent(ticket)}`, EventSource }),
        false: httpBatchLink({ url, headers }),
      }),
    ],
  })

const api = connect().visionPipeline
const job = await api.createJob.mutate({
  imageUrl: image,
  analysisPurpose: 'Announce the spring sale',
  outputFormat: 'summary',
})
console.log(`job ${job.jobId}: ${job.status}`)

if (job.eventsUrl) {
  const ticket = new URL(job.eventsUrl).searchParams.get('ticket') ?? ''
  const watching = connect(ticket).visionPipeline
  await new Promise<void>((resolve, reject) => {
    watching.watchJob.subscribe(
      { jobId: job.jobId },
      {
        onData: (event) => console.log('event', JSON.stringify(event).slice(0, 100)),
        onComplete: resolve,
        onError: reject,
      },
    )
  })
}

const ended = await api.getJobStatus.query({ jobId: job.jobId })
console.log(JSON.stringify(ended.outputs?.content?.result, null, 2))
const { jobs } = await api.getJobHistory.query({ status: ['completed'], limit: 5 })
console.log(`the last completed: ${jobs.map(({ jobId }) => jobId).join(', ')}`)
