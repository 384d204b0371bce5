import { useEffect, useRef, useState } from 'preact/hooks'
import { type ErrorClass, errorCodes } from '../../../core/domain/errors.ts'
import type { Filters } from './query.ts'

interface MoreFiltersProps {
  readonly filters: Filters
  readonly set: (to: Filters) => void
  readonly close: () => void
}

/** What a refused call is told is no job's end. */
const ofRequests: ErrorClass = 'request'
const codes = Object.entries(errorCodes)
  .filter(([, { errorClass }]) => errorClass !== ofRequests)
  .map(([code]) => code)

/** Asks for what has no place of its own beside the chips: the batch, the code of a failure, and a field of the metadata. */
export function MoreFilters({ filters, set, close }: MoreFiltersProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const [half, setHalf] = useState({ field: filters.field ?? '', value: filters.value ?? '' })
  // The address may have the beginning of several codes, or one that is no more.
  const known = filters.code === undefined || codes.includes(filters.code) ? codes : [filters.code, ...codes]
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const of = (name: string) => String(given.get(name) ?? '').trim() || undefined
    const field = of('field')
    const value = of('value')
    set({
      batch: of('batch'),
      code: of('code'),
      field: value && field,
      value: field && value,
      // The API looks for one field of the metadata.
      ...(field && value && { sku: undefined }),
    })
    close()
  }
  return (
    <dialog ref={dialog} aria-label="More filters" onClose={close}>
      <form class="form" onSubmit={submit}>
        <h2>More filters</h2>
        <label class="field">
          Batch, by its number
          <input name="batch" type="text" inputMode="numeric" pattern="[0-9]+" defaultValue={filters.batch ?? ''} />
        </label>
        <label class="field">
          Failed with the code
          <select name="code" value={filters.code ?? ''}>
            <option value="">Any, or none</option>
            {known.map((code) => (
              <option key={code} value={code}>
                {code}
              </option>
            ))}
          </select>
        </label>
        <fieldset class="row">
          <legend class="dim">A field of the metadata, and all of its value</legend>
          <input
            name="field"
            type="text"
            aria-label="Field"
            placeholder="season"
            required={half.value !== ''}
            value={half.field}
            onInput={({ currentTarget }) => setHalf({ ...half, field: currentTarget.value.trimStart() })}
          />
          <input
            name="value"
            type="text"
            aria-label="Value"
            placeholder="spring"
            required={half.field !== ''}
            value={half.value}
            onInput={({ currentTarget }) => setHalf({ ...half, value: currentTarget.value.trimStart() })}
          />
        </fieldset>
        <p class="row actions">
          <button type="submit" class="btn go">
            Show these jobs
          </button>
          <button type="button" class="btn plain" onClick={close}>
            Leave it
          </button>
        </p>
      </form>
    </dialog>
  )
}
