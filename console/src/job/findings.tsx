import type { Text } from 'vision-pipeline-client'
import { Icon } from '../ui/icon.tsx'

const names: Readonly<Record<Text['findings'][number]['code'], string>> = {
  banned_word: 'Banned word',
  number_invented: 'Number not given',
  fact_missing: 'Fact left out',
  length_missed: 'Length',
  palette_distant: 'Colours',
}

/** What a person should look at before a text is used. */
export function FindingList({ findings }: { readonly findings: Text['findings'] }) {
  return (
    <ul class="list">
      {findings.map(({ code, severity, message, field, about }) => (
        <li key={`${code}${field}${about}`} class="row">
          <span class={`st ${severity === 'warning' ? 'warn' : ''}`}>
            <Icon name="warning" />
            {names[code]}
          </span>
          <span>{message}</span>
        </li>
      ))}
    </ul>
  )
}
