import type { Job } from 'vision-pipeline-client'
import { type BrandColour, type ColourMatch, matchPalette } from '../../../core/pipeline/palette-match.ts'
import { pictureOf } from '../batch/frame.tsx'
import { Copy } from '../ui/copy.tsx'
import { bytes, count } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { previewOf } from '../ui/texts.ts'
import { useLoad } from '../ui/use-load.ts'

type Analysis = NonNullable<Job['outputs']['analysis']>['result']

/** The picture, and what was measured in it. */
export function PictureOfJob({ job }: { readonly job: Job }) {
  const source = pictureOf(job)
  const { image } = job
  const { file } = job.metadata ?? {}
  const analysis = job.outputs.analysis?.result
  const brand = useBrandPalette(job)
  const alt = previewOf(job.outputs.texts.filter(({ outputFormat }) => outputFormat === 'alt_text'))?.text
  return (
    <div class="seen">
      {source ? (
        <img src={source} alt={alt ?? analysis?.subject ?? 'The picture of this job'} />
      ) : (
        <p class="blank dim">The pipeline has not brought the picture yet.</p>
      )}
      <p class="row between">
        <b>{typeof file === 'string' ? file : ''}</b>
        {image && (
          <span class="dim">
            {image.width} × {image.height}, {bytes(image.bytes)}
          </span>
        )}
      </p>
      {analysis && <Colours analysis={analysis} brand={brand} />}
    </div>
  )
}

/** The colours of the brand version that a job was made with. */
function useBrandPalette({ brandId, brandVersion: version }: Job): readonly BrandColour[] {
  const { data } = useLoad(
    async (on, signal) => {
      if (brandId === null || version === null) return []
      const params = { path: { brandId, version } }
      const { data } = await on.api.GET('/v1/brands/{brandId}/versions/{version}', { params, signal })
      return data?.profile.palette ?? []
    },
    [brandId, version],
  )
  return data ?? []
}

interface ColoursProps {
  readonly analysis: Analysis
  /** Of the version that the job was made with; none if it has no brand. */
  readonly brand: readonly BrandColour[]
}

function Colours({ analysis, brand }: ColoursProps) {
  const matches = matchPalette(analysis.palette, brand)
  const ofBrand = matches.filter(({ isOfBrand }) => isOfBrand)
  const { palette, contrast, paletteEstimated, subject } = analysis
  const readable = contrast.filter(({ text }) => text !== 'none')
  const share = (of: number) => `${Math.round(of * 100)} %`
  return (
    <>
      <section aria-labelledby="seen">
        <h2 id="seen">What is seen</h2>
        <p class="serif">{subject}</p>
      </section>
      <section aria-labelledby="colours">
        <div class="row between">
          <h2 id="colours">Colours</h2>
          <Copy text={palette.map(({ hex }) => hex).join(' ')} name="Copy hex codes" plain />
        </div>
        <div class="swatches" aria-hidden="true">
          {palette.map(({ hex, share }) => (
            <i key={hex} style={{ flexGrow: Math.max(share, 0.03), background: hex }} />
          ))}
        </div>
        <table>
          <thead>
            <tr>
              <th scope="col">Colour</th>
              <th scope="col">Name</th>
              {matches.length > 0 && <th scope="col">In the brand’s palette</th>}
              <th scope="col" class="num">
                Share
              </th>
            </tr>
          </thead>
          <tbody>
            {palette.map(({ hex, name, share: of }, at) => (
              <tr key={hex}>
                <td class="mono">
                  <Copy text={hex} name={hex} plain>
                    <i class="dot" style={{ background: hex }} />
                  </Copy>
                </td>
                <td>{name}</td>
                {matches[at] && <Match match={matches[at]} />}
                <td class="num">{share(of)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {matches.length > 0 && (
          <p>
            <b>
              {ofBrand.length} of {count(matches.length, 'colour')},{' '}
              {share(ofBrand.reduce((sum, { swatch }) => sum + swatch.share, 0))} of the area
            </b>{' '}
            <span class="dim">are the brand’s</span>
          </p>
        )}
        {paletteEstimated && <p class="dim xs">The model estimated these colours; they were not measured.</p>}
      </section>
      {/* Text in a colour on another one: what WCAG calls contrast. */}
      {contrast.length > 0 && (
        <section aria-labelledby="contrast">
          <h2 id="contrast">Type on this picture</h2>
          <ul class="list">
            {readable.slice(0, 6).map(({ colours: [on, of], ratio, text }) => (
              <li key={`${on}${of}`} class="row">
                <span class="type" style={{ background: on ?? '', color: of ?? '' }} aria-hidden="true">
                  Type
                </span>
                <span class="mono">
                  {of} on {on}
                </span>
                <span class={`st end ${text === 'large' ? 'warn' : ''}`}>
                  <Icon name={text === 'large' ? 'warning' : 'done'} />
                  {text === 'large' ? 'Large type only' : 'Passes AA'}, {ratio.toFixed(1)} : 1
                </span>
              </li>
            ))}
          </ul>
          <p class="dim">
            {readable.length === 0
              ? 'Type in one of these colours is too faint on any other.'
              : `${readable.length} of ${count(contrast.length, 'pair')} of colours can be read as type.`}
          </p>
        </section>
      )}
    </>
  )
}

/** The nearest colour of the brand, and how far it is: ΔE by CIEDE2000. */
function Match({ match }: { readonly match: ColourMatch<object> }) {
  const { nearest, distance, isOfBrand, isNeutral } = match
  const name = nearest.name ?? nearest.hex
  const far = `ΔE ${distance.toFixed(1)}`
  if (isOfBrand) {
    return (
      <td>
        <span class="st">
          <Icon name="done" />
          {name}, {far}
        </span>
      </td>
    )
  }
  return (
    <td>
      <span class={isNeutral ? 'st dim' : 'st warn'}>
        <Icon name={isNeutral ? 'cancelled' : 'warning'} />
        {isNeutral ? 'No, a grey' : `No, nearest is ${name}, ${far}`}
      </span>
    </td>
  )
}
