import { useState } from 'preact/hooks'
import { factLines, factsOf } from '../ui/facts.ts'
import { FileName } from '../ui/file-name.tsx'
import { bytes, count } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { type Picture, pictures, removePicture, setFacts, setSku } from './pictures.ts'

const step = 60

/** What was dropped: each picture with what is known of it. */
export function PictureSheet() {
  const [shown, setShown] = useState(step)
  const all = pictures.value
  if (all.length === 0) return null
  // What cannot be sent comes first: it is what there is to do.
  const sorted = [...all].sort((a, b) => Number(b.state === 'bad') - Number(a.state === 'bad'))
  const hidden = all.length - shown
  return (
    <>
      <ul class="sheet" aria-label="Dropped images">
        {sorted.slice(0, shown).map((picture) => (
          <Sheet key={picture.id} picture={picture} />
        ))}
      </ul>
      {hidden > 0 && (
        <p class="row actions">
          <button type="button" class="btn" onClick={() => setShown(shown + step)}>
            Show {Math.min(step, hidden)} more
          </button>
          <span class="dim">
            {shown} of {all.length}
          </span>
        </p>
      )}
    </>
  )
}

function Sheet({ picture }: { readonly picture: Picture }) {
  const { id, source, name, sku, facts, state, note, size, thumbnail } = picture
  const known = Object.keys(facts).length
  return (
    <li class={state === 'bad' ? 'failed' : state === 'checking' ? 'image' : 'done'}>
      <span class="pic">
        {thumbnail ? <img src={thumbnail} width={size?.width} height={size?.height} alt="" /> : <span class="blank" />}
      </span>
      <p class="row between nowrap">
        <b title={name}>
          <FileName name={name} />
        </b>
        <button type="button" class="btn plain" aria-label={`Remove ${name}`} onClick={() => removePicture(id)}>
          <Icon name="close" />
        </button>
      </p>
      <p class="xs dim">
        {size && `${size.width} × ${size.height}, `}
        {source instanceof File ? bytes(source.size) : new URL(source).host}
      </p>
      {note && (
        <p class={`xs st ${state === 'bad' ? 'bad' : 'warn'}`}>
          <Icon name={state === 'bad' ? 'failed' : 'warning'} />
          <span>{note}</span>
        </p>
      )}
      {state === 'good' && (
        <>
          <input
            class="bare"
            type="text"
            placeholder="Add SKU"
            aria-label={`SKU of ${name}`}
            value={sku}
            onChange={(event) => setSku(id, event.currentTarget.value)}
          />
          <details>
            <summary class="xs dim">{known === 0 ? 'Add facts' : count(known, 'fact')}</summary>
            <textarea
              class="xs"
              rows={4}
              placeholder="price: 129.00 €"
              aria-label={`Facts of ${name}, a line for each`}
              defaultValue={factLines(facts)}
              key={factLines(facts)}
              onChange={(event) => setFacts(id, factsOf(event.currentTarget.value, facts))}
            />
          </details>
        </>
      )}
    </li>
  )
}
