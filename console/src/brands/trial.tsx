import { useRef, useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { type Fields, FieldsView } from '../job/fields.tsx'
import { FindingList } from '../job/findings.tsx'
import { useJob } from '../job/use-job.ts'
import { client } from '../session.ts'
import { count, inLanguage } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { StageMark, stageOf } from '../ui/stage.tsx'
import { type Format, formatNames, formats } from '../ui/texts.ts'

type Brand = components['schemas']['Brand']

/** A text that was asked for, by the version it was asked with. */
interface Tried {
  readonly jobId: number
  readonly version: number
}

/** As many as stay to be compared. */
const most = 4
/** Of each brand, in this tab: a new version is tried on the picture of the last. */
const pictures = new Map<number, { readonly file: File; readonly url: string }>()
const tries = new Map<number, readonly Tried[]>()
const chosenFormats = new Map<number, Format>()

interface TrialProps {
  readonly brand: Brand
  /** What is typed is not saved, and so not tried. */
  readonly isChanged: boolean
}

/** One image, and what the brand makes of it. */
export function Trial({ brand, isChanged }: TrialProps) {
  const { brandId, version, profile } = brand
  const input = useRef<HTMLInputElement>(null)
  const [picture, setPicture] = useState(pictures.get(brandId))
  const [tried, setTried] = useState(tries.get(brandId) ?? [])
  const [format, setFormat] = useState<Format>(
    chosenFormats.get(brandId) ?? profile.defaults?.outputFormats?.[0] ?? 'product_description',
  )
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const language = profile.defaults?.languages?.[0] ?? 'en'
  const choose = (file: File | undefined) => {
    if (file === undefined) return
    if (picture) URL.revokeObjectURL(picture.url)
    const chosen = { file, url: URL.createObjectURL(file) }
    pictures.set(brandId, chosen)
    setPicture(chosen)
    setState({})
  }
  const run = async () => {
    if (picture === undefined) return
    setState({ busy: true })
    try {
      const { jobId } = await client.value.create({
        image: picture.file,
        analysisPurpose: 'Try the brand on one picture',
        metadata: { file: picture.file.name, trialOf: `brand ${brandId}, version ${version}` },
        outputs: [{ outputFormat: format, language, brandId }],
      })
      const all = [{ jobId, version }, ...tried].slice(0, most)
      tries.set(brandId, all)
      setTried(all)
      setState({})
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <section aria-labelledby="trial">
      <h2 id="trial">Try it on one picture</h2>
      <div class="trial">
        {picture && <img class="tried" src={picture.url} alt="" />}
        <div class="form">
          <p class="row">
            <button type="button" class="btn" onClick={() => input.current?.click()}>
              {picture ? 'Another picture' : 'Choose a picture'}
            </button>
            <select
              aria-label="Text to try"
              value={format}
              onChange={(event) => {
                const chosen = event.currentTarget.value as Format
                chosenFormats.set(brandId, chosen)
                setFormat(chosen)
              }}
            >
              {formats.map((one) => (
                <option key={one} value={one}>
                  {formatNames[one]}
                </option>
              ))}
            </select>
          </p>
          {picture && (
            <p class="row">
              <button type="button" class="btn" disabled={state.busy} onClick={run}>
                <Icon name="play" />
                Try version {version}
              </button>
              <span class="dim xs">
                {isChanged ? 'What is not saved is not tried.' : 'A job like any other: two paid calls.'}
              </span>
            </p>
          )}
        </div>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/*"
        aria-label="Picture to try"
        onChange={(event) => choose(event.currentTarget.files?.[0])}
      />
      {state.error !== undefined && <Problem error={state.error} />}
      {tried.map(({ jobId, version: of }, at) => (
        <Answer key={jobId} jobId={jobId} version={of} isLatest={at === 0} />
      ))}
    </section>
  )
}

function Answer({ jobId, version, isLatest }: Tried & { readonly isLatest: boolean }) {
  const { job, error, reload } = useJob(jobId)
  const text = job?.outputs.texts[0]
  const isDone = job !== undefined && stageOf(job) === 'done'
  return (
    <details class="answer" open={isLatest}>
      <summary>
        Text of version {version} <span role="status">{job && !isDone && <StageMark job={job} />}</span>
      </summary>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {job?.error && <p class="serif">{job.error.message}</p>}
      {text?.result && (
        <>
          <div class="prose small" {...inLanguage(text.language)}>
            <FieldsView fields={text.result as unknown as Fields} />
          </div>
          <p class="row between dim">
            {text.findings.length === 0 ? 'No findings' : count(text.findings.length, 'finding')}
            <a href={`/console/jobs/${jobId}`}>Job {jobId}</a>
          </p>
          <FindingList findings={text.findings} />
        </>
      )}
    </details>
  )
}
