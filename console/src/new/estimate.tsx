import type { components } from '../../../client/src/openapi.ts'
import { describeCode } from '../ui/errors.ts'
import { about, count, money } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { sentenceOf } from '../ui/problem.tsx'
import { useLoad } from '../ui/use-load.ts'
import { draft, textsOf } from './draft.ts'

export type Estimate = components['schemas']['Estimate']

/** As many as one estimate takes; of more pictures the cost and the time grow alike. */
const most = 1_000
const pauseMs = 400

/** What the pictures will cost, and how long they will take, as the API predicts it. */
export function Sum({ images }: { readonly images: number }) {
  const wanted = draft.value
  const texts = textsOf(wanted)
  const { data, error } = useLoad(
    async (on, signal) => {
      if (images === 0 || texts.length === 0) return undefined
      await later(pauseMs, signal)
      const { data } = await on.api.POST('/v1/estimate', {
        body: {
          // Where an image is decides nothing here, and these are nowhere yet.
          jobs: Array.from({ length: Math.min(images, most) }, () => ({ imageUrl: 'https://example.com/image' })),
          defaults: {
            analysisPurpose: wanted.purpose || '-',
            outputs: texts,
            ...(wanted.brandId !== null && { brandId: wanted.brandId }),
          },
        },
        signal,
      })
      return data && { ...data, scale: images / Math.min(images, most) }
    },
    [images, texts.map((text) => `${text.outputFormat} ${text.language}`).join(), wanted.brandId],
  )
  const fits = data && data.jobs > 0 && images > 0
  const cost = fits && data.costUsd !== null ? data.costUsd * data.scale : undefined
  const seconds = fits && data.seconds !== null ? data.seconds * data.scale : undefined
  return (
    <div aria-live="polite">
      <p class="sum">
        {count(images, 'image')} <span>×</span> {count(texts.length, 'text')}
        {cost !== undefined && (
          <>
            {' '}
            <span>≈</span> {money(cost)}
          </>
        )}
        {seconds !== undefined && (
          <>
            <span>, about</span> {about(seconds)}
          </>
        )}
      </p>
      {fits && data.basis === null && <p class="dim xs">What it costs is known once a first job has run.</p>}
      {fits &&
        data.exceeds.map((code) => (
          <p key={code} class="st warn">
            <Icon name="warning" />
            {describeCode(code)}
          </p>
        ))}
      {error !== undefined && <p class="dim xs">No estimate: {sentenceOf(error)}</p>}
    </div>
  )
}

function later(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}
