import { useState } from 'preact/hooks'
import { duration, money, number, percent, time } from '../ui/format.ts'
import { failureRateOf, type Minute, wrongRunsOf } from './minutes.ts'

interface MinutesTableProps {
  /** Oldest first. */
  readonly minutes: readonly Minute[]
}

/** What the plots show, for who cannot see them or wants the figure: the latest minute first, drawn when it is opened. */
export function MinutesTable({ minutes }: MinutesTableProps) {
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
                <Row key={one.minute} of={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}

function Row({ of }: { readonly of: Minute }) {
  const rate = failureRateOf(of)
  const { minute, completed, waitingMs, costUsd, failures } = of
  return (
    <tr>
      <th scope="row">{time(minute, Date.now())}</th>
      <td class="num">{number(completed)}</td>
      <td class="num">{number(wrongRunsOf(of))}</td>
      <td class="num">{rate === null ? '' : percent(rate)}</td>
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
