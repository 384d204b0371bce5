import { count } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { aboutTable, missingFiles, table } from './table.ts'

/** As many as are told one by one. */
const most = 5

/** What a CSV said: how many rows, which cannot be used, and which files are still to be dropped. */
export function TableNote() {
  const read = table.value
  if (read === undefined) return null
  const missing = missingFiles()
  const isFine = read.problems.length === 0 && missing.length === 0
  return (
    <section class={isFine ? 'told' : 'note told'} aria-label="Table" aria-live="polite">
      <p class="row">
        <span class={`st ${isFine ? '' : 'warn'}`}>
          <Icon name={isFine ? 'done' : 'warning'} />
          {read.name}
        </span>
        <span class="dim">{aboutTable(read)}</span>
      </p>
      {missing.length > 0 && (
        <p>
          {count(missing.length, 'file')} of it {missing.length === 1 ? 'is' : 'are'} not here yet: drop{' '}
          {missing.slice(0, most).join(', ')}
          {missing.length > most && ` and ${count(missing.length - most, 'more', 'more')}`}, or leave{' '}
          {missing.length === 1 ? 'it' : 'them'} out.
        </p>
      )}
      {read.problems.length > 0 && (
        <ul class="list">
          {read.problems.slice(0, most).map(({ line, why }) => (
            <li key={line}>
              <b>Line {line}</b> {why}
            </li>
          ))}
          {read.problems.length > most && <li class="dim">And {count(read.problems.length - most, 'row')} more.</li>}
        </ul>
      )}
    </section>
  )
}
