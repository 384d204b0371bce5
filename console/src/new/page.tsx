import { useEffect, useRef, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { client } from '../session.ts'
import { bytes, count, number } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { BrandChoice } from './brands.tsx'
import { changeDraft, draft, textsOf } from './draft.ts'
import { DropZone } from './drop-zone.tsx'
import { deepest } from './dropped-files.ts'
import { Sum } from './estimate.tsx'
import { PictureSheet } from './picture-sheet.tsx'
import { addFiles, clearPictures, pictures } from './pictures.ts'
import { sampleFiles, samplePreviews } from './samples.ts'
import { progress, startBatch } from './start.ts'
import { addCsv, applyTable, isCsv, table } from './table.ts'
import { TableNote } from './table-note.tsx'
import { TextsGrid } from './texts-grid.tsx'

/** As many as a job may have. */
const mostTexts = 24

/** Where pictures are dropped and a batch begins. */
export function NewPage() {
  const { route } = useLocation()
  const [error, setError] = useState<unknown>()
  const [left, setLeft] = useState(0)
  const [tooDeep, setTooDeep] = useState<readonly string[]>([])
  const stop = useRef<AbortController>(undefined)
  const { name, purpose } = draft.value
  const good = pictures.value.filter(({ state }) => state === 'good')
  const unchecked = pictures.value.filter(({ state }) => state === 'checking').length
  const isChecking = unchecked > 0
  const bad = pictures.value.filter(({ state }) => state === 'bad').length
  const texts = textsOf(draft.value).length
  const missing = whatIsMissing(good.length, isChecking, texts, purpose)
  useEffect(() => {
    document.title = 'New batch · Vision Pipeline'
    const ask = (event: BeforeUnloadEvent) => progress.value && event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [])
  const add = (files: readonly File[], folder?: string, deep: readonly string[] = []) => {
    setTooDeep(deep)
    const tables = files.filter(isCsv)
    setLeft(addFiles(files.filter((file) => !isCsv(file))))
    applyTable()
    for (const file of tables) addCsv(file).catch(setError)
    if (folder && draft.value.name === '') changeDraft({ name: folder.slice(0, 100) })
  }
  const trySamples = async () => {
    setError(undefined)
    try {
      add(await sampleFiles(client.value), 'Samples')
    } catch (problem) {
      setError(problem)
    }
  }
  const removeAll = () => {
    clearPictures()
    table.value = undefined
  }
  const start = async () => {
    setError(undefined)
    stop.current = new AbortController()
    // Kept with the draft: a second start with the same words goes on with the same batch.
    if (draft.value.name.trim() === '') changeDraft({ name: `Batch of ${new Date().toLocaleString('en-GB')}` })
    try {
      const batchId = await startBatch(client.value, good, draft.value, stop.current.signal)
      table.value = undefined
      if (batchId !== undefined) route(`/console/batches/${batchId}`)
    } catch (problem) {
      if (!stop.current.signal.aborted) setError(problem)
    }
  }
  return (
    <>
      <div class="split">
        <div>
          <h1 class="vh">New batch</h1>
          <label class="vh" for="name">
            Batch name
          </label>
          <input
            class="title"
            id="name"
            type="text"
            maxLength={100}
            placeholder="Name this batch"
            value={name}
            onInput={(event) => changeDraft({ name: event.currentTarget.value })}
          />
          <div class="row between under-title">
            <p class="dim" aria-live="polite">
              {aboutPictures(unchecked, bad)}
            </p>
            {pictures.value.length > 0 && !progress.value && (
              <button type="button" class="btn plain" onClick={removeAll}>
                Remove all
              </button>
            )}
          </div>
          <DropZone add={add} />
          {pictures.value.length === 0 && (
            <div class="at-hand">
              <p class="dim">Nothing at hand?</p>
              <button type="button" onClick={trySamples}>
                <span class="strip">
                  {samplePreviews.map((address) => (
                    <img key={address} src={address} alt="" loading="lazy" decoding="async" />
                  ))}
                </span>
                <span class="btn plain">Try the sample pictures</span>
              </button>
            </div>
          )}
          {error !== undefined && pictures.value.length === 0 && <Problem error={error} />}
          {left > 0 && <p class="st warn">A batch takes 10,000 pictures: {count(left, 'picture')} were left out.</p>}
          {tooDeep.length > 0 && (
            <p class="st warn">
              Folders are looked into {deepest} deep: <bdi>{tooDeep[0]}</bdi>
              {tooDeep.length > 1 && ` and ${count(tooDeep.length - 1, 'other folder')}`} were left out.
            </p>
          )}
          <TableNote />
          <PictureSheet />
        </div>
        <aside class="stick" aria-label="What to write">
          <label class="field">
            <h2>Purpose</h2>
            <textarea
              rows={2}
              maxLength={2000}
              value={purpose}
              onInput={(event) => changeDraft({ purpose: event.currentTarget.value })}
            />
          </label>
          <TextsGrid />
          <BrandChoice />
        </aside>
      </div>
      {pictures.value.length > 0 && (
        <div class="foot" role="region" aria-label="Start">
          {progress.value ? (
            <p class="sum" aria-live="polite">
              {progress.value.uploaded + progress.value.refused} <span>of</span> {progress.value.images}{' '}
              <span>uploaded,</span> {progress.value.jobs} <span>started</span>
            </p>
          ) : (
            <Sum images={good.length} />
          )}
          {error !== undefined && (
            <div class="wide">
              <Problem error={error} />
              <p class="dim">What was sent is kept. Start again, and it goes on from there.</p>
            </div>
          )}
          <span class="row end">
            {missing !== undefined && <span class="dim">{missing}</span>}
            {progress.value ? (
              <button type="button" class="btn big" onClick={() => stop.current?.abort()}>
                Stop
              </button>
            ) : (
              <button type="button" class="btn go big" disabled={missing !== undefined} onClick={start}>
                Start {count(good.length, 'image')}
                <Icon name="arrow" />
              </button>
            )}
          </span>
        </div>
      )}
    </>
  )
}

function aboutPictures(unchecked: number, bad: number): string {
  if (pictures.value.length === 0) return 'Nothing is sent before you start.'
  const files = pictures.value.flatMap(({ source }) => (source instanceof File ? [source] : []))
  const links = pictures.value.length - files.length
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const counts = [
    ...(files.length > 0 ? [`${count(files.length, 'file')}, ${bytes(size)}`] : []),
    ...(links > 0 ? [count(links, 'link')] : []),
  ]
  const all = `${counts.join(', ')}.`
  if (unchecked > 0) return `${all} ${number(unchecked)} still to be checked.`
  return bad === 0 ? `${all} All can be sent.` : `${all} ${bad} cannot be sent, and will be left out.`
}

/** Why nothing can be started yet. */
function whatIsMissing(good: number, isChecking: boolean, texts: number, purpose: string): string | undefined {
  if (isChecking) return 'The files are being checked.'
  if (good === 0) return 'No file can be sent.'
  if (texts === 0) return 'Choose a text.'
  if (texts > mostTexts) return `An image can have ${mostTexts} texts: choose fewer.`
  return purpose.trim() === '' ? 'Say what the texts are for.' : undefined
}
