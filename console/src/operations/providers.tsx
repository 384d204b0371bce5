import { useRef, useState } from 'preact/hooks'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { describeCode } from '../ui/errors.ts'
import { duration, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import type { WorkerStatus } from './status.ts'

type Provider = WorkerStatus['providers'][number]
type Name = Provider['provider']

const names = { gemini: 'Gemini', deepseek: 'DeepSeek' } as const

/** A switch, as its circuit breaker is: the gap between its contacts is the state. */
const switches = {
  closed: 'M0 12h16m40 0h16M16 12h40',
  half_open: 'M0 12h16m40 0h16M16 12L52 6',
  open: 'M0 12h16m40 0h16M16 12L46 1',
} as const

interface ProvidersProps {
  readonly status: WorkerStatus
  readonly changed: () => void
}

/** Claiming as a whole, and each provider: what it does now, and its pause. */
export function Providers({ status, changed }: ProvidersProps) {
  return (
    <section class="sec" aria-labelledby="providers">
      <div class="row between">
        <h2 id="providers">Providers</h2>
        <span class="row">
          {status.claims.pausedByOperator && <Paused pause={status.claims.pausedByOperator} what="All claiming" />}
          <Pause isPaused={status.claims.pausedByOperator !== null} changed={changed} />
        </span>
      </div>
      <div class="cols">
        {status.providers.map((provider) => (
          <Card key={provider.provider} provider={provider} changed={changed} />
        ))}
      </div>
    </section>
  )
}

function Card({ provider, changed }: { readonly provider: Provider; readonly changed: () => void }) {
  const { provider: name, circuit, openCode, openMs, downSince, consecutiveFailures, pausedByOperator } = provider
  const isOpen = pausedByOperator !== null || circuit === 'open'
  const word = pausedByOperator ? 'Paused by hand' : { closed: 'Closed', open: 'Open', half_open: 'Half-open' }[circuit]
  return (
    <article>
      <p class="row between">
        <svg class="sw" viewBox="0 0 72 24" aria-hidden="true">
          <path d={switches[isOpen ? 'open' : circuit]} />
          <circle cx="16" cy="12" r="3" fill="currentcolor" />
          <circle cx="56" cy="12" r="3" fill="currentcolor" />
        </svg>
        <span class={`st ${isOpen ? 'bad' : circuit === 'half_open' ? 'warn' : ''}`}>
          <Icon name={isOpen ? 'failed' : circuit === 'half_open' ? 'warning' : 'done'} />
          {word}
        </span>
      </p>
      <h3>{names[name]}</h3>
      <p class="dim">{isOpen ? 'No call is made; jobs wait at no cost to them.' : 'Calls are made.'}</p>
      {pausedByOperator && <Paused pause={pausedByOperator} what={names[name]} />}
      {downSince && <p>Down since {time(downSince, Date.now())}.</p>}
      {openMs > 0 && !pausedByOperator && <p>Next probe in {duration(openMs)}.</p>}
      {consecutiveFailures > 0 && <p>{consecutiveFailures} calls in a row have failed.</p>}
      {openCode && <p class="dim">{describeCode(openCode)}</p>}
      <p>
        <Pause name={name} isPaused={pausedByOperator !== null} changed={changed} />
      </p>
    </article>
  )
}

function Paused({ pause, what }: { readonly pause: NonNullable<Provider['pausedByOperator']>; readonly what: string }) {
  return (
    <p>
      {what} was paused by {pause.by}, {time(pause.at, Date.now())}
      {pause.reason && `: ${pause.reason}`}
    </p>
  )
}

interface PauseProps {
  /** Of a provider; undefined for all claiming. */
  readonly name?: Name
  readonly isPaused: boolean
  readonly changed: () => void
}

function Pause({ name, isPaused, changed }: PauseProps) {
  const reason = useRef<HTMLInputElement>(null)
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState<unknown>()
  const what = name ? names[name] : 'all claiming'
  const body = name ? { provider: name } : {}
  const resume = () => {
    setError(undefined)
    client.value.api.POST('/v1/operator/resume', { body }).then(changed, setError)
  }
  const pause = async () => {
    const said = reason.current?.value.trim()
    await client.value.api.POST('/v1/operator/pause', { body: { ...body, ...(said && { reason: said }) } })
    changed()
  }
  return (
    <>
      <button type="button" class="btn" onClick={isPaused ? resume : () => setAsking(true)}>
        <Icon name={isPaused ? 'play' : 'pause'} />
        {isPaused ? 'Resume' : 'Pause'} {what}
      </button>
      {error !== undefined && <Problem error={error} />}
      {asking && (
        <Confirm title={`Pause ${what}?`} action={`Pause ${what}`} close={() => setAsking(false)} run={pause}>
          <p class="serif">What runs is finished. Nothing new begins until someone resumes it.</p>
          <label class="field">
            Reason, for those who wonder
            <input ref={reason} type="text" maxLength={200} />
          </label>
        </Confirm>
      )}
    </>
  )
}
