import type { VisionClient } from 'vision-pipeline-client'
import { changeDraft, draft } from './draft.ts'
import { usableBrands } from './usable-brands.ts'

const pictures = import.meta.glob<string>('../../../samples/*.png', {
  query: '?url',
  import: 'default',
  eager: true,
})

/** The first of them, to be looked at. */
export const samplePreviews: readonly string[] = Object.values(pictures).slice(0, 6)

/** Whose pictures they are: `npm start` knows the brand. */
const brandName = 'Pellmere'

/**
 * The pictures of the sample brand, as if they had been dropped; chooses the brand where none is chosen yet.
 *
 * @throws the error of a download
 */
export async function sampleFiles(client: VisionClient): Promise<File[]> {
  const files = await Promise.all(
    Object.entries(pictures).map(async ([path, address]) => {
      const response = await fetch(address)
      if (!response.ok) throw new Error(`The sample pictures could not be loaded: status ${response.status}.`)
      return new File([await response.blob()], path.split('/').at(-1) ?? path, { type: 'image/png' })
    }),
  )
  const brand = (await usableBrands(client)).find(({ name }) => name === brandName)
  if (draft.value.brandId === null && brand) changeDraft({ brandId: brand.brandId })
  return files
}
