import { useRef, useState } from 'preact/hooks'
import { Icon } from '../ui/icon.tsx'
import { formatNames, formats } from '../ui/texts.ts'
import { MoreFilters } from './more-filters.tsx'
import { type Filters, groups, spans } from './query.ts'

interface FilterBarProps {
  readonly filters: Filters
  readonly set: (to: Filters) => void
}

const spanNames: Readonly<Record<string, string>> = { '1h': 'Last hour', '24h': 'Last 24 h', '7d': 'Last 7 days' }

/** Which jobs are shown: their state as chips, and the rest as it is in the address. */
export function FilterBar({ filters, set }: FilterBarProps) {
  const sku = useRef<HTMLInputElement>(null)
  const [asking, setAsking] = useState(false)
  const { show, format, batch, code, since, field, value } = filters
  const states = [undefined, ...Object.keys(groups)]
  const removable = [
    batch && { name: `Batch ${batch}`, without: { batch: undefined } },
    code && { name: `Code ${code}`, without: { code: undefined } },
    filters.sku && { name: `SKU ${filters.sku}`, without: { sku: undefined } },
    field && value && { name: `${field}: ${value}`, without: { field: undefined, value: undefined } },
  ].filter((one) => typeof one === 'object')
  return (
    <div class="row between filters">
      <span class="row" role="group" aria-label="State">
        {states.map((state) => (
          <button
            key={state ?? 'All'}
            type="button"
            class="chip"
            aria-pressed={show === state}
            onClick={() => set({ show: state })}
          >
            {state ?? 'All'}
          </button>
        ))}
      </span>
      <span class="row">
        {removable.map(({ name, without }) => (
          <button key={name} type="button" class="chip" aria-pressed={true} onClick={() => set(without)}>
            {name}
            <Icon name="close" />
            <span class="vh">remove filter</span>
          </button>
        ))}
        <button type="button" class="chip" onClick={() => setAsking(true)}>
          <Icon name="plus" />
          Filter
        </button>
        <select
          aria-label="Format"
          value={format ?? ''}
          onChange={(event) => set({ format: event.currentTarget.value || undefined })}
        >
          <option value="">Any format</option>
          {formats.map((one) => (
            <option key={one} value={one}>
              {formatNames[one]}
            </option>
          ))}
        </select>
        <select
          aria-label="Created"
          value={since ?? ''}
          onChange={(event) => set({ since: event.currentTarget.value || undefined })}
        >
          <option value="">Any time</option>
          {Object.keys(spans).map((span) => (
            <option key={span} value={span}>
              {spanNames[span]}
            </option>
          ))}
        </select>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            // The API looks for one field of the metadata.
            set({ sku: sku.current?.value.trim() || undefined, field: undefined, value: undefined })
          }}
        >
          <label class="vh" for="find">
            Find by SKU
          </label>
          <input
            ref={sku}
            id="find"
            type="search"
            placeholder="SKU, all of it"
            defaultValue={filters.sku ?? ''}
            data-key="/"
          />
        </form>
      </span>
      {asking && <MoreFilters filters={filters} set={set} close={() => setAsking(false)} />}
    </div>
  )
}
