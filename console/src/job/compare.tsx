import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { inLanguage } from '../ui/format.ts'
import { labelOf, plainText } from './fields.tsx'
import { wordDiff } from './word-diff.ts'

type Revision = components['schemas']['Revision']

interface CompareProps {
  /** At least two. */
  readonly revisions: readonly Revision[]
  readonly language: string
}

/** Two revisions of a text, field by field, with what each says alone. */
export function Compare({ revisions, language }: CompareProps) {
  const numbers = revisions.map(({ revision }) => revision).sort((a, b) => a - b)
  const [chosen, setChosen] = useState({ before: numbers.at(-2), after: numbers.at(-1) })
  const of = (number: number | undefined) => revisions.find(({ revision }) => revision === number)?.result ?? {}
  const [before, after] = [of(chosen.before), of(chosen.after)]
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].map((name) => ({
    name,
    old: plainText({ text: before[name] }),
    now: plainText({ text: after[name] }),
  }))
  const changed = fields.filter(({ old, now }) => old !== now)
  const choice = (which: 'before' | 'after', label: string) => (
    <select
      aria-label={label}
      value={chosen[which]}
      onChange={(event) => setChosen({ ...chosen, [which]: Number(event.currentTarget.value) })}
    >
      {numbers.map((number) => (
        <option key={number} value={number}>
          Revision {number}
        </option>
      ))}
    </select>
  )
  return (
    <section aria-label="Comparison">
      <p class="row">
        Compare {choice('before', 'The earlier revision')} with {choice('after', 'The later revision')}
      </p>
      {changed.length === 0 && <p class="dim">They say the same.</p>}
      {changed.map(({ name, old, now }) => (
        <div key={name} class="compared">
          <h3 class="dim">{labelOf(name)}</h3>
          <p class="serif" {...inLanguage(language)}>
            {wordDiff(old, now, language).map(({ kind, text }, at) =>
              kind === 'same' ? (
                text
              ) : kind === 'removed' ? (
                <del key={at} class="word">
                  {text}
                </del>
              ) : (
                <ins key={at} class="word">
                  {text}
                </ins>
              ),
            )}
          </p>
        </div>
      ))}
    </section>
  )
}
