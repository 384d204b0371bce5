import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Problem } from './problem.tsx'

export interface ConfirmProps {
  readonly title: string
  readonly children?: ComponentChildren
  /** What the button says: a verb, its object and how many. */
  readonly action: string
  readonly close: () => void
  /** What is done; what it throws is shown, and the dialog stays. */
  readonly run: () => Promise<unknown>
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, children, action, close, run }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  useEffect(() => dialog.current?.showModal(), [])
  const submit = async () => {
    setState({ busy: true })
    try {
      await run()
      close()
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      <h2>{title}</h2>
      {children}
      {state.error !== undefined && <Problem error={state.error} />}
      <p class="row actions">
        <button type="button" class="btn go" disabled={state.busy} onClick={submit}>
          {action}
        </button>
        <button type="button" class="btn plain" onClick={close}>
          Leave it
        </button>
      </p>
    </dialog>
  )
}
