import { useEffect, useRef, useState } from 'preact/hooks'
import { access, hasKey, signIn } from './session.ts'
import { Problem } from './ui/problem.tsx'

/** Asks for a key, over the page, so that nothing is lost that was typed into it. */
export function SignIn() {
  const dialog = useRef<HTMLDialogElement>(null)
  const input = useRef<HTMLInputElement>(null)
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
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
  const isAsked = access.value === 'asked'
  const leave = (event: Event) => {
    // A page that can read nothing is none to go back to.
    if (isAsked) access.value = 'granted'
    else event.preventDefault()
  }
  return (
    <dialog ref={dialog} aria-labelledby="sign-in" onCancel={leave}>
      <h2 id="sign-in">Sign in</h2>
      <p class="serif">
        {isAsked
          ? 'Until you sign out, this tab calls the pipeline with this key.'
          : hasKey.value
            ? 'Your key is not taken any more: it has expired, or was revoked. The page goes on with another one.'
            : 'The pipeline wants to know who you are.'}
      </p>
      <form onSubmit={submit}>
        <label class="field">
          API key or token
          <input ref={input} type="password" autocomplete="off" spellcheck={false} required placeholder="vpk_…" />
        </label>
        <p class="dim xs">It stays in this tab, and is gone when you close it.</p>
        {error !== undefined && <Problem error={error} />}
        <p class="row actions">
          <button type="submit" class="btn go" disabled={busy}>
            Sign in
          </button>
        </p>
      </form>
    </dialog>
  )
}
