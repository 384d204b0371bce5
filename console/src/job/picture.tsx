import type { Job } from 'vision-pipeline-client'
import { pictureOf } from '../batch/frame.tsx'
import { Copy } from '../ui/copy.tsx'
import { bytes, count } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { previewOf } from '../ui/texts.ts'

type Analysis = NonNullable<Job['outputs']['analysis']>['result']

/** The picture, and what was measured in it. */
export function PictureOfJob({ job }: { readonly job: Job }) {
  const source = pictureOf(job)
  const { image } = job
  const { file } = job.metadata ?? {}
  const analysis = job.outputs.analysis?.result
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
      {analysis && <Colours analysis={analysis} />}
    </div>
  )
}

/** Text in a colour on another one: what WCAG calls contrast. */
const verdicts = { any: 'Passes AA', large: 'Large type only', none: 'Too faint for type' } as const

function Colours({ analysis }: { readonly analysis: Analysis }) {
  const { palette, contrast, paletteEstimated, subject } = analysis
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
              <th scope="col" class="num">
                Share
              </th>
            </tr>
          </thead>
          <tbody>
            {palette.map(({ hex, name, share: of }) => (
              <tr key={hex}>
                <td>
                  <span class="st">
                    <i class="dot" style={{ background: hex }} />
                    <span class="mono">{hex}</span>
                  </span>
                </td>
                <td>{name}</td>
                <td class="num">{share(of)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {paletteEstimated && <p class="dim xs">The model estimated these colours; they were not measured.</p>}
      </section>
      {contrast.length > 0 && (
        <section aria-labelledby="contrast">
          <h2 id="contrast">Type on this picture</h2>
          <ul class="list">
            {contrast.slice(0, 6).map(({ colours: [on, of], ratio, text }) => (
              <li key={`${on}${of}`} class="row">
                <span class="type" style={{ background: on ?? '', color: of ?? '' }} aria-hidden="true">
                  Type
                </span>
                <span class="mono">
                  {of} on {on}
                </span>
                <span class={`st end ${text === 'none' ? 'bad' : text === 'large' ? 'warn' : ''}`}>
                  <Icon name={text === 'none' ? 'failed' : text === 'large' ? 'warning' : 'done'} />
                  {verdicts[text]}, {ratio.toFixed(1)} : 1
                </span>
              </li>
            ))}
          </ul>
          <p class="vh">{count(contrast.length, 'pair')} of colours</p>
        </section>
      )}
    </>
  )
}
