import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

const name = 'vision-shortcuts'
/** They can be switched off: whoever speaks to a computer types letters by accident. */
const areOn = signal(localStorage.getItem(name) !== 'off')
const isShown = signal(false)

const keys = [
  ['/', 'Find'],
  ['j, k', 'Next, previous job in a list'],
  ['Enter', 'Open it'],
  ['e', 'Edit the text'],
  ['a', 'Approve the text'],
  ['?', 'This list'],
] as const

/** Single letters for what the page shows: not while something is typed, nor over a dialog. */
export function Shortcuts() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  const shown = isShown.value
  useEffect(() => {
    if (shown) dialog.current?.showModal()
  }, [shown])
  if (!shown) return null
  const close = () => {
    isShown.value = false
  }
  return (
    <dialog ref={dialog} aria-labelledby="shortcuts" onClose={close}>
      <h2 id="shortcuts">Keyboard</h2>
      <dl class="keys">
        {keys.map(([key, what]) => [
          <dt key={key}>
            <kbd>{key}</kbd>
          </dt>,
          <dd key={what}>{what}</dd>,
        ])}
      </dl>
      <label class="row">
        <input
          type="checkbox"
          checked={areOn.value}
          onChange={(event) => {
            areOn.value = event.currentTarget.checked
            localStorage.setItem(name, areOn.value ? 'on' : 'off')
          }}
        />
        Letters do this
      </label>
      <p class="row actions">
        <button type="button" class="btn" onClick={close}>
          Close
        </button>
      </p>
    </dialog>
  )
}

export function showShortcuts(): void {
  isShown.value = true
}

function press(event: KeyboardEvent): void {
  const { key, target, ctrlKey, metaKey, altKey } = event
  const isTyping =
    target instanceof HTMLElement && target.closest('input:not([type=checkbox]), textarea, select, dialog')
  if (!areOn.value || isTyping || ctrlKey || metaKey || altKey || document.querySelector('dialog[open]')) return
  if (key === '?') {
    event.preventDefault()
    showShortcuts()
  } else if (key === 'j' || key === 'k') {
    move(key === 'j' ? 1 : -1)
  } else if (/^[/ae]$/.test(key)) {
    const found = document.querySelector<HTMLElement>(`[data-key="${key}"]`)
    if (!found) return
    event.preventDefault()
    if (found instanceof HTMLInputElement) found.focus()
    else found.click()
  }
}

/** From job to job of the list that is shown. */
function move(by: number): void {
  const links = [...document.querySelectorAll<HTMLElement>('a.open')]
  const at = links.indexOf(document.activeElement as HTMLElement)
  links[at === -1 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))]?.focus()
}
