import { useEffect, useRef, useState } from 'preact/hooks'
import { access, refusal, signedInBy, signIn, signInAtIssuer } from '../session.ts'
import { Problem } from '../ui/problem.tsx'
import { issuer } from './settings.ts'

/** Has the reader sign in, over the page, so that nothing is lost that was typed into it. */
export function SignIn() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const leave = (event: Event) => {
    // A page that can read nothing is none to go back to.
    if (access.value === 'asked') access.value = 'granted'
    else event.preventDefault()
  }
  return (
    <dialog ref={dialog} aria-labelledby="sign-in" onCancel={leave}>
      <h2 id="sign-in">Sign in</h2>
      <p class="serif">{why()}</p>
      {issuer === undefined ? (
        <KeyForm />
      ) : (
        <>
          <AtIssuer host={new URL(issuer.issuer).host} />
          <details open={signedInBy.value === 'key'}>
            <summary>With an API key or a token instead</summary>
            <KeyForm />
          </details>
        </>
      )}
    </dialog>
  )
}

function why(): string {
  if (access.value === 'asked') return 'This tab then calls the pipeline in that name, until you sign out.'
  if (signedInBy.value === 'key') {
    return 'Your key is not taken any more: it has expired, or was revoked. The page goes on with another one.'
  }
  return signedInBy.value === 'issuer'
    ? 'You are signed out: your sign-in has expired. Sign in again, and this page goes on.'
    : 'The pipeline wants to know who you are.'
}

function AtIssuer({ host }: { readonly host: string }) {
  const [busy, setBusy] = useState(false)
  const [isElsewhere, setIsElsewhere] = useState(false)
  const go = () => {
    setBusy(true)
    signInAtIssuer().then(
      (elsewhere) => {
        setIsElsewhere(elsewhere)
        // It may be closed with nothing done: then the reader begins anew.
        setBusy(!elsewhere)
      },
      (error: Error) => {
        refusal.value = error
        setBusy(false)
      },
    )
  }
  return (
    <>
      {refusal.value && <Problem error={refusal.value} />}
      {isElsewhere && !refusal.value && (
        <p class="dim" role="status">
          You sign in in another tab. This page then goes on, with all that is in it.
        </p>
      )}
      <p class="row actions">
        <button type="button" class="btn go" disabled={busy} onClick={go}>
          Sign in at {host}
        </button>
      </p>
    </>
  )
}

function KeyForm() {
  const input = useRef<HTMLInputElement>(null)
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    const key = input.current?.value.trim()
    if (!key) return
    setBusy(true)
    setError(undefined)
    try {
      await signIn(key)
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit}>
      <label class="field">
        API key or token
        <input ref={input} type="password" autocomplete="off" spellcheck={false} required placeholder="vpk_…" />
      </label>
      <p class="dim xs">It stays in this tab, and is gone when you close it.</p>
      {error !== undefined && <Problem error={error} />}
      <p class="row actions">
        <button type="submit" class={issuer === undefined ? 'btn go' : 'btn'} disabled={busy}>
          Sign in
        </button>
      </p>
    </form>
  )
}
