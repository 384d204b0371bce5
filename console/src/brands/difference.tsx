import { type BrandProfile, differencesOf } from './profile.ts'

/** What a profile says anew, and what no more: by mark and words, then by colour. */
export function DifferenceView({ before, after }: { readonly before: BrandProfile; readonly after: BrandProfile }) {
  const differences = differencesOf(before, after)
  if (differences.length === 0) return <p class="dim">They say the same.</p>
  return (
    <dl class="difference">
      {differences.map(({ field, removed, added }) => (
        <div key={field}>
          <dt class="dim">{field}</dt>
          <dd>
            {removed.map((entry) => (
              <del key={entry} dir="auto">
                <span class="vh">Taken out: </span>
                {entry}
              </del>
            ))}
            {added.map((entry) => (
              <ins key={entry} dir="auto">
                <span class="vh">Added: </span>
                {entry}
              </ins>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  )
}
