import type { Job } from 'vision-pipeline-client'
import type { components } from '../../../client/src/openapi.ts'
import { duration, money, number, time } from '../ui/format.ts'
import { Icon, type IconName } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'

type Attempt = components['schemas']['Attempt']

/** What the job has taken: its stages one after the other, and each run. */
export function Timeline({ job }: { readonly job: Job }) {
  const { jobId, usage, timings } = job
  const { data, error, reload } = useLoad(
    async (on, signal) => (await on.api.GET('/v1/jobs/{jobId}/attempts', { params: { path: { jobId } }, signal })).data,
    [jobId, job.attempt, job.status],
  )
  const parts = [
    { name: 'Waiting', kind: 'waiting', ms: timings.waitingMs },
    { name: 'Image', kind: 'image', ms: usage.imageMs },
    { name: 'Analysis', kind: 'analysis', ms: usage.analysisMs },
    { name: 'Texts', kind: 'texts', ms: usage.contentMs },
  ]
  const all = parts.reduce((sum, { ms }) => sum + ms, 0) || 1
  let before = 0
  return (
    <section class="sec" aria-labelledby="timeline">
      <div class="row between">
        <h2 id="timeline">Timeline</h2>
        <span class="dim">
          {duration(timings.totalMs)} from {time(job.createdAt, Date.now())}
          {usage.costUsd !== null && `, ${money(usage.costUsd)}`}
        </span>
      </div>
      <dl class="gantt">
        {parts.map(({ name, kind, ms }) => {
          const from = (before / all) * 100
          before += ms
          return [
            <dt key={name}>{name}</dt>,
            <dd key={`${name}-bar`} aria-hidden="true">
              <i class={`k-${kind}`} style={{ marginLeft: `${from}%`, width: `${(ms / all) * 100}%` }} />
            </dd>,
            <dd key={`${name}-ms`} class="num">
              {duration(ms)}
            </dd>,
          ]
        })}
      </dl>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {data && data.attempts.length > 0 && <Attempts attempts={data.attempts} />}
    </section>
  )
}

const outcomes: Readonly<Record<Attempt['outcome'], { readonly icon: IconName; readonly name: string }>> = {
  running: { icon: 'texts', name: 'Running' },
  completed: { icon: 'done', name: 'Completed' },
  retried: { icon: 'warning', name: 'To be tried again' },
  failed: { icon: 'failed', name: 'Failed' },
  released: { icon: 'waiting', name: 'Put back' },
  lost: { icon: 'warning', name: 'Worker lost' },
  cancelled: { icon: 'cancelled', name: 'Cancelled' },
}

function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Attempts">
      <table>
        <thead>
          <tr>
            <th scope="col">Attempt</th>
            <th scope="col">Result</th>
            <th scope="col">Models</th>
            <th scope="col" class="num">
              Tokens
            </th>
            <th scope="col" class="num">
              Took
            </th>
            <th scope="col" class="num">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => {
            const { outcome, error, startedAt, endedAt, usage } = attempt
            const steps = [usage.analysis, usage.content].filter((step) => step !== null)
            const tokens = steps.reduce((sum, step) => sum + (step.inputTokens ?? 0) + (step.outputTokens ?? 0), 0)
            const cost = steps.reduce((sum, step) => sum + (step.costUsd ?? 0), 0)
            return (
              <tr key={attempt.attempt}>
                <td>{attempt.attempt}</td>
                <td>
                  <span class={`st ${outcome === 'failed' ? 'bad' : ''}`}>
                    <Icon name={outcomes[outcome].icon} />
                    {outcomes[outcome].name}
                  </span>
                  {error && <p class="xs dim">{error.message}</p>}
                </td>
                <td>{[...new Set(steps.map(({ model }) => model))].join(', ')}</td>
                <td class="num">{number(tokens)}</td>
                <td class="num">{endedAt ? duration(Date.parse(endedAt) - Date.parse(startedAt)) : ''}</td>
                <td class="num">{money(cost)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
