import { useEffect, useState } from 'preact/hooks'
import { isVisionError } from 'vision-pipeline-client'
import { askForKey, client } from '../session.ts'
import { duration, money, number, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useTitle } from '../ui/use-title.ts'
import { ActionLog } from './action-log.tsx'
import { Day } from './day.tsx'
import { FailuresByCode } from './failures.tsx'
import { Providers } from './providers.tsx'
import type { WorkerStatus } from './status.ts'

const everyMs = 2_000
/** Above this a waiting job is late, in seconds. */
const lateSeconds = 300

/** What the person on call looks at: the oldest job first, then who is to blame. */
export function OperationsPage() {
  const { status, error, refresh } = useStatus()
  // Failures and actions are read anew when something was done here, and when the page opens.
  const [turn, setTurn] = useState(0)
  useTitle('Operations')
  if (isVisionError(error, 'request.forbidden', 'request.unauthenticated')) return <NotOperator />
  if (status === undefined) return error === undefined ? null : <Problem error={error} retry={refresh} />
  const changed = () => {
    refresh()
    setTurn((before) => before + 1)
  }
  return (
    <>
      <h1 class="vh">Operations</h1>
      {error !== undefined && <Problem error={error} retry={refresh} />}
      <div class="head">
        <OldestDue seconds={status.queue.oldestDueSeconds} />
        <Depth status={status} />
      </div>
      <Now status={status} />
      <Day turn={turn} />
      <Providers status={status} changed={changed} />
      <Workers workers={status.workers.recent} />
      <FailuresByCode turn={turn} changed={changed} />
      <ActionLog turn={turn} />
    </>
  )
}

/** The status as it is now, asked for every other second while the page is seen. */
function useStatus() {
  const [state, setState] = useState<{ status?: WorkerStatus; error?: unknown }>({})
  const [turn, setTurn] = useState(0)
  const on = client.value
  useEffect(() => {
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async () => {
      try {
        const { data } = document.hidden ? {} : await on.api.GET('/v1/worker', { signal: stop.signal })
        if (data) setState({ status: data })
      } catch (error) {
        if (stop.signal.aborted) return
        setState((before) => ({ ...before, error }))
        // What is refused stays refused until there is another key.
        if (isVisionError(error, 'request.forbidden')) return
      }
      timer = setTimeout(look, everyMs)
    }
    void look()
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [on, turn])
  return { ...state, refresh: () => setTurn((before) => before + 1) }
}

function OldestDue({ seconds }: { readonly seconds: number }) {
  const isLate = seconds > lateSeconds
  if (seconds === 0) {
    return (
      <div class="empty">
        <p>No job waits that could run.</p>
      </div>
    )
  }
  return (
    <div>
      <p class={`st ${isLate ? 'warn' : 'dim'}`}>
        {isLate && <Icon name="warning" />}
        Oldest due job{isLate && ', over 5 min'}
      </p>
      <p class="huge">
        {duration(seconds * 1_000)
          .replace('.0 s', ' s')
          .split(' ')
          .map((part, at) => (at % 2 === 0 ? part : <small key={part}>{part}</small>))}
      </p>
    </div>
  )
}

function Depth({ status }: { readonly status: WorkerStatus }) {
  const names: Readonly<Record<string, string>> = {
    scheduled: 'To be tried again',
    blocked: 'Over a limit',
    pending: 'Waiting',
    processing: 'Running',
  }
  const open = status.queue.depth.filter(({ status }) => !['completed', 'failed', 'cancelled'].includes(status))
  return (
    <ul class="key depth">
      {open.map(({ status, jobs, atLeast }) => (
        <li key={status}>
          <b>
            {number(jobs)}
            {atLeast && '+'}
          </b>
          {names[status]}
        </li>
      ))}
    </ul>
  )
}

function Now({ status }: { readonly status: WorkerStatus }) {
  const [latest] = status.throughput
  if (!latest) return null
  const { perMinute, failureRate, costUsd, waitingMs, minutes } = latest
  return (
    <p class="sum">
      {perMinute.toFixed(1)} <span>jobs per minute</span>
      {failureRate !== null && (
        <>
          <span>,</span> {(failureRate * 100).toFixed(1)} % <span>of runs went wrong</span>
        </>
      )}
      {waitingMs && (
        <>
          <span>, half wait under</span> {duration(waitingMs.p50)}
        </>
      )}
      <span>, </span>
      {money(costUsd)} <span>in {minutes} min</span>
    </p>
  )
}

function Workers({ workers }: { readonly workers: WorkerStatus['workers']['recent'] }) {
  return (
    <section class="sec" aria-labelledby="workers">
      <div class="row between">
        <h2 id="workers">Workers</h2>
        <span class="dim">{workers.filter(({ state }) => state === 'running').length} running</span>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="workers">
        <table>
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">State</th>
              <th scope="col" class="num">
                Holds
              </th>
              <th scope="col" class="num">
                Heard from
              </th>
            </tr>
          </thead>
          <tbody>
            {workers.map(({ workerId, state, inFlight, concurrency, lastHeartbeatAt }) => (
              <tr key={workerId}>
                <td class="mono">{workerId}</td>
                <td>
                  <span class={`st ${state === 'silent' ? 'bad' : ''}`}>
                    <Icon name={state === 'silent' ? 'failed' : state === 'running' ? 'analysis' : 'cancelled'} />
                    {state === 'silent' ? 'Silent, so it has died' : state === 'running' ? 'Running' : 'Stopped'}
                  </span>
                </td>
                <td class="num">
                  {inFlight} of {concurrency}
                </td>
                <td class="num">{time(lastHeartbeatAt, Date.now())}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function NotOperator() {
  return (
    <section class="empty">
      <h1 class="vh">Operations</h1>
      <p>This page is for operators, and your calls are not an operator’s.</p>
      <p class="dim quiet">
        On this machine <code>npm run -s token -- --user you --scope operator</code> makes a token that is.
      </p>
      <button type="button" class="btn go" onClick={askForKey}>
        Sign in as an operator
      </button>
    </section>
  )
}
