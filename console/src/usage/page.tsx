import { useLocation } from 'preact-iso'
import type { components } from '../../../client/src/openapi.ts'
import { describeCode } from '../ui/errors.ts'
import { count, duration, money, number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'
import { CostPlot } from './cost-plot.tsx'
import { costsOf } from './days.ts'
import { Limits } from './limits.tsx'

type UserUsage = components['schemas']['UserUsage']

const spans = [7, 30, 90] as const
const usual = 30
const dayMs = 86_400_000

/** What the caller's jobs cost, and what is left of the limits. */
export function UsagePage() {
  useTitle('Usage')
  const { query, route } = useLocation()
  const days = spans.find((one) => String(one) === query.days) ?? usual
  const { data, error, reload } = useLoad(
    async (on, signal) => {
      const from = new Date(Date.now() - (days - 1) * dayMs).toISOString().slice(0, 10)
      return (await on.api.GET('/v1/usage', { params: { query: { from } }, signal })).data
    },
    [days],
  )
  return (
    <>
      <div class="head">
        <h1 class="sum">Usage</h1>
        <span class="row" role="group" aria-label="Span">
          {spans.map((one) => (
            <button
              key={one}
              type="button"
              class="chip"
              aria-pressed={one === days}
              onClick={() => route(one === usual ? '/console/usage' : `/console/usage?days=${one}`, true)}
            >
              {one} days
            </button>
          ))}
        </span>
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {data && <Told usage={data} days={days} />}
    </>
  )
}

function Told({ usage, days }: { readonly usage: UserUsage; readonly days: number }) {
  const { totals, failures, limits, from, to } = usage
  const costs = costsOf(usage.usage, from, to)
  const isEmpty = totals.jobs.created === 0 && totals.calls === 0
  return (
    <>
      {isEmpty ? (
        <section class="empty">
          <p>Nothing was used in these {days} days. The first batch will show here what it cost.</p>
          <a class="btn go" href="/console/">
            Start a batch
            <Icon name="arrow" />
          </a>
        </section>
      ) : (
        <section aria-labelledby="cost">
          <h2 class="vh" id="cost">
            Cost by day
          </h2>
          <p class="sum">
            {money(totals.costUsd ?? 0)} <span>for</span> {count(totals.jobs.completed, 'image')}{' '}
            <span>in {days} days</span>
            {totals.jobs.completed > 0 && totals.costUsd !== null && (
              <>
                <span>,</span> {money(totals.costUsd / totals.jobs.completed)} <span>each</span>
              </>
            )}
          </p>
          <CostPlot costs={costs} />
          {totals.unpricedCalls > 0 && (
            <p class="st warn">
              <Icon name="warning" />
              {count(totals.unpricedCalls, 'call')} of a model whose price is not known: not in these sums.
            </p>
          )}
          {totals.possiblyBilled > 0 && (
            <p class="dim">
              {count(totals.possiblyBilled, 'call')} were cut off, and may have been paid for: not in these sums.
            </p>
          )}
        </section>
      )}
      <Limits limits={limits} />
      <div class="cols">
        <Calls totals={totals} />
        <Failures failures={failures} jobs={totals.jobs.completed + totals.jobs.failed} />
      </div>
    </>
  )
}

function Calls({ totals }: { readonly totals: UserUsage['totals'] }) {
  const { jobs, calls, inputTokens, cachedTokens, outputTokens, thinkingTokens, runs, waitingMs } = totals
  const lines = [
    ['Images completed', number(jobs.completed)],
    ['Failed', number(jobs.failed)],
    ['Cancelled', number(jobs.cancelled)],
    ['Calls of a model', number(calls)],
    ['Tokens read', number(inputTokens)],
    ['of them from a cache', number(cachedTokens)],
    ['Tokens written', number(outputTokens)],
    ['of them while thinking', number(thinkingTokens)],
    ['Waiting, a run', runs === 0 ? 'None' : duration(waitingMs / runs)],
  ] as const
  return (
    <section class="sec" aria-labelledby="calls">
      <div class="row between">
        <h2 id="calls">What it was spent on</h2>
      </div>
      <dl class="ledger">
        {lines.map(([name, value]) => (
          <div key={name}>
            <dt class="dim">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

interface FailuresProps {
  readonly failures: UserUsage['failures']
  /** How many have ended. */
  readonly jobs: number
}

function Failures({ failures, jobs }: FailuresProps) {
  const byCode = new Map<string, number>()
  for (const { code, jobs } of failures) byCode.set(code, (byCode.get(code) ?? 0) + jobs)
  const all = failures.reduce((sum, { jobs }) => sum + jobs, 0)
  return (
    <section class="sec" aria-labelledby="failed">
      <div class="row between">
        <h2 id="failed">{all === 0 ? 'No failures' : count(all, 'failure')}</h2>
        {all > 0 && <span class="dim">{((all / jobs) * 100).toFixed(1)} % of what ended</span>}
      </div>
      <ul class="list">
        {[...byCode]
          .sort(([, a], [, b]) => b - a)
          .map(([code, jobs]) => (
            <li key={code}>
              <p class="row">
                <a class="st bad" href={`/console/jobs?show=Failed&code=${code}`}>
                  <Icon name="failed" />
                  {number(jobs)}
                </a>
                <a class="mono dim" href={`/problems/${code}`}>
                  {code}
                </a>
              </p>
              <p class="serif">{describeCode(code)}</p>
            </li>
          ))}
      </ul>
    </section>
  )
}
