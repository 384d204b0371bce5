import { useState } from 'preact/hooks'
import { duration, money, number, time } from '../ui/format.ts'
import { failureRateOf, type Minute, wrongRunsOf } from './minutes.ts'

interface MinutesTableProps {
  /** Oldest first. */
  readonly minutes: readonly Minute[]
  /** A share, 0 to 1, in words. */
  readonly say: (share: number) => string
}

/** What the plots show, for who cannot see them or wants the figure: the latest minute first, drawn when it is opened. */
export function MinutesTable({ minutes, say }: MinutesTableProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary class="xs dim">As a table</summary>
      {isOpen && minutes.length === 0 && <p class="dim">No job has run.</p>}
      {isOpen && minutes.length > 0 && (
        <div class="scroll minutes" tabIndex={0} role="region" aria-label="What was done by the minute">
          <table>
            <thead>
              <tr>
                <th scope="col">Minute</th>
                {['Completed', 'Went wrong', 'Of runs', 'Half waited under', '95 % under', 'Cost'].map((name) => (
                  <th key={name} scope="col" class="num">
                    {name}
                  </th>
                ))}
                <th scope="col">Failed by code</th>
              </tr>
            </thead>
            <tbody>
              {minutes.toReversed().map((one) => (
                <Row key={one.minute} of={one} rate={failureRateOf(one)} say={say} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}

interface RowProps {
  readonly of: Minute
  readonly rate: number | null
  readonly say: (share: number) => string
}

function Row({ of, rate, say }: RowProps) {
  const { minute, completed, waitingMs, costUsd, failures } = of
  return (
    <tr>
      <th scope="row">{time(minute, Date.now())}</th>
      <td class="num">{number(completed)}</td>
      <td class="num">{number(wrongRunsOf(of))}</td>
      <td class="num">{rate === null ? '' : say(rate)}</td>
      <td class="num">{waitingMs && duration(waitingMs.p50)}</td>
      <td class="num">{waitingMs && duration(waitingMs.p95)}</td>
      <td class="num">{money(costUsd)}</td>
      <td class="mono">
        {Object.entries(failures)
          .map(([code, jobs]) => `${code} ${number(jobs)}`)
          .join(', ')}
      </td>
    </tr>
  )
}
