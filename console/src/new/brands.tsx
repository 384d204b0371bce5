import { useEffect } from 'preact/hooks'
import { time } from '../ui/format.ts'
import { Problem } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { changeDraft, draft } from './draft.ts'
import { usableBrands } from './usable-brands.ts'

/** Which brand the texts are written for. */
export function BrandChoice() {
  const { data: brands, error, reload } = useLoad(usableBrands, [])
  const { brandId } = draft.value
  // What is shown is what is sent: a brand of the draft may have been archived since.
  useEffect(() => {
    if (brands && brandId !== null && !brands.some((brand) => brand.brandId === brandId)) changeDraft({ brandId: null })
  }, [brands, brandId])
  const option = (id: number | null, name: string, about: string) => (
    <label key={id ?? 'none'} class="row between">
      <span class="row">
        <input type="radio" name="brand" checked={brandId === id} onChange={() => changeDraft({ brandId: id })} />
        {id === null ? name : <b>{name}</b>}
      </span>
      <span class="dim">{about}</span>
    </label>
  )
  return (
    <fieldset>
      <legend>
        <h2>Brand</h2>
      </legend>
      {error !== undefined && <Problem error={error} retry={reload} />}
      <div class="list">
        {brands?.map(({ brandId: id, name, version, updatedAt }) =>
          option(id, name, `Version ${version}, ${time(updatedAt, Date.now())}`),
        )}
        {option(null, 'No brand', 'No tone or word rules')}
      </div>
    </fieldset>
  )
}
