import { useEffect, useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import { isVisionError } from 'vision-pipeline-client'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { dropUnsaved, keepUnsaved, unsavedAt } from '../ui/unsaved.ts'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'
import { BrandForm } from './form.tsx'
import { differencesOf, profileOf, type TypedProfile, typedOf } from './profile.ts'
import { Trial } from './trial.tsx'
import { Versions } from './versions.tsx'

type Brand = components['schemas']['Brand']

/** One brand, or a new one: its profile, versions, and a try of it. */
export function BrandPage() {
  const { params } = useRoute()
  return params.id === 'new' ? (
    <Editor key="new" reload={() => undefined} />
  ) : (
    <Known key={params.id} brandId={Number(params.id)} />
  )
}

function Known({ brandId }: { readonly brandId: number }) {
  const { data, error, reload } = useLoad(
    async (on, signal) => (await on.api.GET('/v1/brands/{brandId}', { params: { path: { brandId } }, signal })).data,
    [brandId],
  )
  if (data === undefined) return error === undefined ? null : <Problem error={error} retry={reload} />
  return (
    <>
      {error !== undefined && <Problem error={error} retry={reload} />}
      <Editor key={`${data.version} ${data.archivedAt}`} brand={data} reload={reload} />
    </>
  )
}

interface EditorProps {
  /** Undefined: it is still to be made. */
  readonly brand?: Brand
  readonly reload: () => void
}

function Editor({ brand, reload }: EditorProps) {
  const { route } = useLocation()
  const before = brand?.profile ?? { name: '' }
  const place = `brand ${brand?.brandId ?? 'new'}`
  const isArchived = brand !== undefined && brand.archivedAt !== null
  // As it was when the typing began: who was first meanwhile is noticed by the version.
  const [begun, setBegun] = useState(
    (!isArchived && unsavedAt<{ version: number | undefined; typed: TypedProfile }>(place)) || {
      version: brand?.version,
      typed: typedOf(before),
    },
  )
  // It can be saved no more.
  useEffect(() => {
    if (isArchived) dropUnsaved(place)
  }, [isArchived, place])
  const [typed, setTyped] = useState(begun.typed)
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const [asking, setAsking] = useState(false)
  // What was typed while it is being saved would be lost with the form, which is then made anew.
  const isLocked = isArchived || state.busy === true
  useTitle(brand?.name ?? 'New brand')
  const change = (to: Partial<TypedProfile>) => {
    const now = { ...(unsavedAt<typeof begun>(place) ?? { typed }).typed, ...to }
    setTyped(now)
    keepUnsaved(place, { version: begun.version, typed: now })
  }
  const discard = () => {
    dropUnsaved(place)
    setTyped(typedOf(before))
    setBegun({ version: brand?.version, typed: typedOf(before) })
    setState({})
    reload()
  }
  const profile = profileOf(typed, before)
  const isChanged = differencesOf(before, profile).length > 0
  const isTaken = isVisionError(state.error, 'request.precondition_failed')
  const save = async (version: number | undefined) => {
    setState({ busy: true })
    try {
      if (brand === undefined || version === undefined) {
        const { data } = await client.value.api.POST('/v1/brands', { body: { profile } })
        dropUnsaved(place)
        if (data) route(`/console/brands/${data.brandId}`, true)
        return
      }
      const params = { path: { brandId: brand.brandId } }
      await client.value.api.PUT('/v1/brands/{brandId}', { params, body: { profile, version } })
      dropUnsaved(place)
      setState({})
      reload()
    } catch (error) {
      setState({ error })
    }
  }
  const saveOver = async () => {
    if (brand === undefined) return
    try {
      const params = { path: { brandId: brand.brandId } }
      const { data } = await client.value.api.GET('/v1/brands/{brandId}', { params })
      await save(data?.version)
    } catch (error) {
      setState({ error })
    }
  }
  const archive = async () => {
    if (brand === undefined) return
    await client.value.api.DELETE('/v1/brands/{brandId}', { params: { path: { brandId: brand.brandId } } })
    dropUnsaved(place)
    route('/console/brands')
  }
  return (
    <>
      <div class="row between over-title">
        <p class="dim">
          <a href="/console/brands">Brands</a>
          {brand ? `, version ${brand.version}` : ', a new one'}
          {isArchived && ', archived'}
        </p>
        {brand && !isArchived && (
          <button type="button" class="btn plain" onClick={() => setAsking(true)}>
            Archive
          </button>
        )}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void save(begun.version)
        }}
      >
        <div class="split">
          <div>
            <h1 class="vh">{brand?.name ?? 'New brand'}</h1>
            <label class="vh" for="brand">
              Name of the brand
            </label>
            <input
              class="title"
              id="brand"
              type="text"
              maxLength={100}
              placeholder="Name the brand"
              dir="auto"
              disabled={isLocked}
              value={typed.name}
              onInput={(event) => change({ name: event.currentTarget.value })}
            />
            <BrandForm typed={typed} change={change} isLocked={isLocked} />
          </div>
          <aside class="stick" aria-label="Try and versions">
            {brand && !isArchived && <Trial brand={brand} isChanged={isChanged} />}
            {brand && <Versions brand={brand} reload={reload} isLocked={isArchived} />}
            {brand === undefined && (
              <p class="serif dim">A brand needs a name alone. Each thing that you say of it, every text keeps to.</p>
            )}
          </aside>
        </div>
        {!isArchived && (
          <div class="foot" role="region" aria-label="Save">
            <p class="dim">
              {brand === undefined
                ? 'It can be changed at any time: jobs keep the version that they were made with.'
                : isChanged
                  ? `Saved as version ${brand.version + 1}; jobs that are there keep theirs.`
                  : 'Nothing was changed.'}
            </p>
            {isTaken ? (
              <div class="note wide" role="alert">
                <p>This brand was changed elsewhere while you edited it. What you typed is still here.</p>
                <p class="row">
                  <button type="button" class="btn" onClick={saveOver}>
                    Save mine as the next version
                  </button>
                  <button type="button" class="btn plain" onClick={discard}>
                    Leave theirs
                  </button>
                </p>
              </div>
            ) : (
              state.error !== undefined && (
                <div class="wide">
                  <Problem error={state.error} />
                </div>
              )
            )}
            <span class="row end">
              {isChanged && (
                <button type="button" class="btn plain" onClick={discard}>
                  Discard
                </button>
              )}
              <button
                type="submit"
                class="btn go big"
                disabled={profile.name === '' || (brand !== undefined && !isChanged) || state.busy}
              >
                <Icon name="tick" />
                {brand === undefined ? 'Save the brand' : `Save version ${brand.version + 1}`}
              </button>
            </span>
          </div>
        )}
      </form>
      {asking && brand && (
        <Confirm
          title={`Archive ${brand.name}?`}
          action={`Archive ${brand.name}`}
          close={() => setAsking(false)}
          run={archive}
        >
          <p class="serif">No job can be made with it any more. Those that were keep it, and it can be looked at.</p>
        </Confirm>
      )}
    </>
  )
}
